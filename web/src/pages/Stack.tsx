/** The stack's services: state, health, what they use, their logs; up, restart, stop. */

import { useEffect, useMemo, useRef, useState } from "react";
import { postEvents, type Trouble } from "../api";
import { useKeys } from "../keys";
import { useLive, useSeen } from "../live";
import { go, hrefOf, useRoute } from "../route";
import { Ask, Choose, type Column, Table, Told } from "../ui";
import { bytes, seconds } from "../words";
import { useLines } from "./lines";

interface Service {
  service: string;
  container: string | null;
  state: string;
  health: string | null;
  uptime_s: number | null;
  cpu_percent: number | null;
  memory_bytes: number | null;
  url: string | null;
}

interface Found {
  project?: string;
  services?: Service[];
  error: Trouble | null;
}

const LEVELS = ["debug", "info", "warning", "error", "fatal"];

export function Stack() {
  const found = useLive<Found>("stack");
  const { query } = useRoute();
  const [notes, setNotes] = useState<string[]>([]);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [busy, setBusy] = useState("");
  const [stopping, setStopping] = useState<string[] | null>(null);
  const act = async (verb: string, services: string[]) => {
    setBusy(`${verb} ${services.join(" ")}`);
    setTrouble(null);
    setNotes([]);
    try {
      for await (const { event, data } of postEvents(`stack/${verb}`, { services }, new AbortController().signal)) {
        if (event === "note") setNotes((all) => [...all.slice(-30), JSON.parse(data)]);
        else if (event === "error") setTrouble(JSON.parse(data));
      }
    } catch (error) {
      setTrouble({ message: error instanceof Error ? error.message : String(error), hint: null });
    }
    setBusy("");
  };
  const names = (found?.services ?? []).map((one) => one.service);
  return (
    <>
      <div className="actions">
        <button type="button" className="primary" disabled={!!busy || !!found?.error} onClick={() => act("up", [])}>
          Up
        </button>
        <button type="button" disabled={!!busy || !names.length} onClick={() => act("restart", [])}>
          Restart all
        </button>
        <button type="button" className="danger" disabled={!!busy || !names.length} onClick={() => setStopping([])}>
          Stop all…
        </button>
        <span role="status">{busy && `${busy} …`}</span>
      </div>
      {trouble && <Told trouble={trouble} />}
      {!!notes.length && <pre aria-live="polite">{notes.join("\n")}</pre>}
      {!found && <p className="nothing">asking Docker</p>}
      {found?.error && <Told trouble={found.error} />}
      {found?.services && (
        <>
          <p className="total">project {found.project}</p>
          <Table
            label="Services"
            rows={found.services}
            id={(one) => one.container ?? one.service}
            columns={columns(!!busy, act, setStopping)}
          />
          <Logs
            names={names}
            runs={running(found.services)}
            service={query.service ?? ""}
            level={query.level ?? ""}
            words={query.words ?? ""}
          />
        </>
      )}
      {stopping && (
        <Ask
          question={`Stop ${stopping.length ? stopping.join(", ") : "every service"}? Their containers and data stay.`}
          yes="Stop"
          onNo={() => setStopping(null)}
          onYes={() => {
            act("stop", stopping);
            setStopping(null);
          }}
        />
      )}
    </>
  );
}

function columns(
  busy: boolean,
  act: (verb: string, services: string[]) => void,
  stop: (services: string[]) => void,
): Column<Service>[] {
  return [
    { head: "service", cell: (one) => one.service },
    {
      head: "state",
      cell: (one) => <span className={`badge ${one.health ?? one.state}`}>{one.health ?? one.state}</span>,
    },
    { head: "up for", number: true, cell: (one) => (one.uptime_s == null ? "" : seconds(one.uptime_s)) },
    { head: "CPU", number: true, cell: (one) => (one.cpu_percent == null ? "" : `${one.cpu_percent} %`) },
    { head: "memory", number: true, cell: (one) => (one.memory_bytes == null ? "" : bytes(one.memory_bytes)) },
    { head: "URL", cell: (one) => one.url && <Url url={one.url} /> },
    {
      head: "do",
      cell: (one) => {
        const button = (name: string, run: () => void) => (
          <button type="button" disabled={busy} aria-label={`${name} ${one.service}`} onClick={run}>
            {name}
          </button>
        );
        if (one.state === "adopted") return "";
        if (one.state !== "running") return button("Up", () => act("up", [one.service]));
        return (
          <span className="actions">
            {button("Restart", () => act("restart", [one.service]))}
            {button("Stop…", () => stop([one.service]))}
          </span>
        );
      },
    },
  ];
}

function Url({ url }: { url: string }) {
  if (!/^https?:\/\//.test(url)) return url;
  return (
    <a href={url} target="_blank" rel="noreferrer">
      {url}
    </a>
  );
}

const running = (services: Service[]): string =>
  services
    .filter((one) => one.state === "running")
    .map((one) => one.container ?? one.service)
    .join();

interface LogsProps {
  names: string[];
  runs: string;
  service: string;
  level: string;
  words: string;
}

function Logs({ names, runs, service, level, words }: LogsProps) {
  const { lines, trouble } = useLines(service, useSeen() ? runs : "");
  const box = useRef<HTMLElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const below = useRef(true);
  useKeys({ "/": () => field.current?.focus() });
  const change = (name: string, value: string) =>
    go(hrefOf("stack", "", { service, level, words, [name]: value }), true);
  const shown = useMemo(() => {
    const least = LEVELS.indexOf(level);
    const wanted = words.toLowerCase();
    return lines.filter((line) => LEVELS.indexOf(line.level) >= least && line.text.toLowerCase().includes(wanted));
  }, [lines, level, words]);
  useEffect(() => {
    if (shown && box.current && below.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown]);
  return (
    <>
      <h2>Logs</h2>
      <search className="filters">
        <label className="choose words">
          <span>words</span>
          <input
            ref={field}
            type="search"
            value={words}
            placeholder="in the lines ( / )"
            onChange={(event) => change("words", event.target.value)}
          />
        </label>
        <Choose label="service" value={service} names={names} onChange={(value) => change("service", value)} />
        <Choose label="at least" value={level} names={LEVELS} onChange={(value) => change("level", value)} />
      </search>
      {trouble && <Told trouble={trouble} />}
      <section
        className="log"
        aria-label="Log lines"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        ref={box}
        onScroll={({ currentTarget: at }) => {
          below.current = at.scrollHeight - at.scrollTop - at.clientHeight < 40;
        }}
      >
        <pre>
          {shown.map((line) => (
            <span key={line.key} className={`line ${line.level}`}>
              {line.time.slice(11, 19)} {line.name} | {line.text}
              {"\n"}
            </span>
          ))}
        </pre>
      </section>
    </>
  );
}
