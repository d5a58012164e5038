/** The lines of the services' logs, as they come. */

import { useEffect, useState } from "react";
import { getEvents, type Trouble } from "../api";

const KEPT = 2000; // lines
interface Line {
  name: string;
  time: string;
  level: string;
  text: string;
}

interface Kept extends Line {
  key: number;
}

const PAUSE = 1500; // milliseconds until a log that ended is followed anew

/**
 * The last lines of a service, or of all; what comes within one frame is drawn together.
 *
 * Compose follows what runs when it is asked, so it is asked anew when something else `runs`.
 */
export function useLines(service: string, runs: string) {
  const [lines, setLines] = useState<Kept[]>([]);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  useEffect(() => {
    if (!runs) return;
    const end = new AbortController();
    let waiting: Kept[] = [];
    let fresh = true; // the first lines take the place of those before
    let frame = 0;
    const draw = () => {
      const [come, first] = [waiting, fresh];
      waiting = [];
      fresh = false;
      frame = 0;
      setLines((all) => [...(first ? [] : all), ...come].slice(-KEPT));
    };
    const follow = async () => {
      for await (const { event, data } of getEvents("stack/logs", service ? { service } : {}, end.signal)) {
        if (event === "error") setTrouble(JSON.parse(data));
        if (event !== "line") continue;
        setTrouble(null);
        waiting.push({ ...JSON.parse(data), key: numbers++ });
        frame ||= requestAnimationFrame(draw);
      }
    };
    const again = async () => {
      while (!end.signal.aborted) {
        fresh = true;
        await follow().catch((error) => {
          if (!end.signal.aborted) setTrouble({ message: `the log ended: ${error.message}`, hint: null });
        });
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    };
    again();
    return () => {
      end.abort();
      cancelAnimationFrame(frame);
    };
  }, [service, runs]);
  return { lines, trouble };
}

let numbers = 0;
