/** One stream of events for what changes while one looks; it comes back by itself when `serve` was restarted. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
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

/** The latest value of each topic. */
export function useLive<T extends object>(topics: string): Partial<T> {
  const [values, setValues] = useState<Partial<T>>({});
  const client = useQueryClient();
  useEffect(() => {
    const end = new AbortController();
    setValues({});
    follow(
      topics,
      end.signal,
      (name, value) => setValues((before) => ({ ...before, [name]: value })),
      () => client.invalidateQueries(),
    );
    return () => end.abort();
  }, [topics, client]);
  return values;
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
    const one = new AbortController();
    const stop = () => one.abort();
    ended.addEventListener("abort", stop);
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
    }
    if (ended.aborted) return;
    become("lost");
    lost = true;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(2 * pause, LONGEST);
  }
}
