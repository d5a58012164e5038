/** One stream of events for what changes while one looks; it comes back by itself when `serve` was restarted. */

import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { ApiError, getEvents } from "./api";

const PAUSE = 1000; // milliseconds until another try; doubled up to LONGEST
const LONGEST = 8000;
const SILENCE = 40_000; // without even a comment: the connection is dead

export type Connection = "connecting" | "live" | "lost" | "refused";
let connection: Connection = "connecting";
const listeners = new Set<() => void>();

function become(now: Connection): void {
  if (now === connection) return;
  connection = now;
  for (const listener of listeners) listener();
}

export const useConnection = (): Connection =>
  useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => connection,
  );

/** The latest value of each topic, for all of the page. */
export function useStream(topics: string): Values {
  const [values, setValues] = useState<Values>({});
  const client = useQueryClient();
  useEffect(() => {
    const end = new AbortController();
    const tell = (name: string, value: unknown) => setValues((before) => ({ ...before, [name]: value }));
    follow(topics, end.signal, tell, () => client.invalidateQueries());
    return () => end.abort();
  }, [topics, client]);
  return values;
}

type Values = Record<string, unknown>;
export const Live = createContext<Values>({});

/** The latest value of one topic; nothing before it was told. */
export const useLive = <T>(topic: string): T | undefined => useContext(Live)[topic] as T | undefined;

const QUIET = 10_000; // milliseconds between two readings of what takes long to sum up

/** Read queries anew when something was asked, not more often than every QUIET. */
export function useNews(...keys: string[]): void {
  const newest = useLive<{ newest: number }>("requests")?.newest;
  const client = useQueryClient();
  const last = useRef({ newest, at: 0 });
  const names = keys.join();
  useEffect(() => {
    const seen = last.current;
    if (newest === undefined || newest === seen.newest) return;
    seen.newest = newest; // the first value counts too: what was read before it may lack the newest calls
    const read = () => {
      seen.at = Date.now();
      for (const name of names.split(",")) client.invalidateQueries({ queryKey: [name] });
    };
    const soon = setTimeout(read, Math.max(0, seen.at + QUIET - Date.now()));
    return () => clearTimeout(soon);
  }, [newest, client, names]);
}

async function follow(
  topics: string,
  ended: AbortSignal,
  tell: (name: string, value: unknown) => void,
  cameBack: () => void,
): Promise<void> {
  let pause = PAUSE;
  let lost = false;
  while (!ended.aborted) {
    await seen(ended);
    const one = new AbortController();
    const stop = () => one.abort();
    ended.addEventListener("abort", stop);
    const hidden = () => document.hidden && stop();
    document.addEventListener("visibilitychange", hidden);
    let silent = setTimeout(stop, SILENCE);
    try {
      for await (const { event, data } of getEvents("live", { topics }, one.signal)) {
        clearTimeout(silent);
        silent = setTimeout(stop, SILENCE);
        become("live");
        pause = PAUSE;
        if (lost) cameBack();
        lost = false;
        if (data) tell(event, JSON.parse(data));
      }
    } catch (error) {
      if (ended.aborted) return;
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
        become("refused");
        return;
      }
    } finally {
      clearTimeout(silent);
      ended.removeEventListener("abort", stop);
      document.removeEventListener("visibilitychange", hidden);
    }
    if (ended.aborted) return;
    if (document.hidden) continue;
    become("lost");
    lost = true;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(2 * pause, LONGEST);
  }
}

/** Whether somebody sees the page. */
export const useSeen = (): boolean =>
  useSyncExternalStore(
    (changed) => {
      document.addEventListener("visibilitychange", changed);
      return () => document.removeEventListener("visibilitychange", changed);
    },
    () => !document.hidden,
  );

/** Wait until somebody sees the page: a browser has few connections to one server, and all its tabs share them. */
function seen(ended: AbortSignal): Promise<void> {
  if (!document.hidden || ended.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = new AbortController();
    const done = () => {
      if (document.hidden && !ended.aborted) return;
      end.abort();
      resolve();
    };
    document.addEventListener("visibilitychange", done, { signal: end.signal });
    ended.addEventListener("abort", done, { signal: end.signal });
  });
}
