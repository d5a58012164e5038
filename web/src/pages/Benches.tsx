/** What `bench` has kept: runs over the commits with their intervals, comparisons of two versions, and the board. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../api";
import { Failure, Table } from "../ui";

interface Row {
  key: string;
  metric: string;
  unit: string;
  now: number | null;
  low: number | null;
  high: number | null;
  runs: number;
}

interface Measurement {
  name: string;
  when: string;
  commit: string;
  machine: Record<string, unknown>;
  rows: Row[];
}

interface Point extends Row {
  when: string;
  commit: string;
}

interface Score extends Row {
  target: number | null;
  better: "less" | "more";
  verdict: string;
  when: string | null;
  note?: string;
}

interface Comparison {
  when: string;
  command: string[];
  base: { name: string; median: number };
  candidate: { name: string; median: number };
  ratio: number;
  low: number;
  high: number | null;
  margin: number;
  verdict: string;
  runs: number;
}

interface History {
  project: string;
  board: Score[];
  measurements: Measurement[];
  comparisons: Comparison[];
  broken: string[];
}

export function Benches() {
  const found = useQuery({ queryKey: ["benches"], queryFn: ({ signal }) => get<History>("benches", {}, signal) });
  if (!found.data) return <Failure error={found.error} />;
  const { project, board, measurements, comparisons, broken } = found.data;
  const series = new Map<string, { name: string; metric: string; points: Point[] }>();
  for (const { name, when, commit, rows } of measurements)
    for (const row of rows) {
      const one = series.get(`${name} ${row.key}`) ?? { name, metric: row.metric, points: [] };
      one.points.push({ ...row, when, commit });
      series.set(`${name} ${row.key}`, one);
    }
  return (
    <>
      <p className="total">of {project}; the board is this machine's</p>
      <nav className="within" aria-label="On this page">
        {["Runs", "Comparisons", "Board"].map((name) => (
          <button
            key={name}
            type="button"
            onClick={() => document.getElementById(name)?.scrollIntoView({ block: "start" })}
          >
            {name}
          </button>
        ))}
      </nav>
      <h2 id="Runs">Runs</h2>
      {broken.map((told) => (
        <p key={told} className="trouble">
          {told}
        </p>
      ))}
      {!measurements.length && (
        <p className="nothing">
          No run is kept of this project yet: <code>samplemind bench run --save NAME -- COMMAND</code>
        </p>
      )}
      {[...series].map(([key, { name, metric, points }]) => (
        <section key={key} aria-label={`${name}: ${metric}`}>
          <h3>
            {name}: {metric}
          </h3>
          <Intervals points={points} label={`${name}: ${metric}`} />
          <Table
            label={`${name}: ${metric}, in numbers`}
            rows={[...points].reverse()}
            id={(point) => point.when + point.commit}
            columns={[
              { head: "when", cell: (point) => moment(point.when) },
              { head: "commit", cell: (point) => <code>{point.commit || "–"}</code> },
              { head: "median", number: true, cell: (point) => amount(point.now, point.unit) },
              {
                head: "95 % interval",
                number: true,
                cell: (point) => `${amount(point.low, "")} to ${amount(point.high, point.unit)}`,
              },
              { head: "runs", number: true, cell: (point) => point.runs },
            ]}
          />
        </section>
      ))}
      <h2 id="Comparisons">Comparisons</h2>
      <Comparisons comparisons={comparisons} />
      <h2 id="Board">Board</h2>
      <Board board={board} />
    </>
  );
}

const moment = (when: string): string => when.slice(0, 16).replace("T", " ");
const times = (ratio: number | null): string => (ratio == null ? "?" : `${ratio.toFixed(3)}x`);

function Comparisons({ comparisons }: { comparisons: Comparison[] }) {
  if (!comparisons.length)
    return (
      <p className="nothing">
        No two versions of this project were compared yet: <code>samplemind bench ab HEAD~1</code>
      </p>
    );
  const most = Math.max(...comparisons.map((one) => one.high ?? one.ratio), 1);
  return (
    <Table
      label="Comparisons of two versions"
      rows={comparisons}
      id={(one) => one.when + one.base.name + one.candidate.name}
      columns={[
        { head: "when", cell: (one) => moment(one.when) },
        { head: "base → candidate", cell: (one) => `${one.base.name} → ${one.candidate.name}` },
        { head: "verdict", cell: (one) => <Verdict verdict={one.verdict} /> },
        { head: "time", number: true, cell: (one) => times(one.ratio) },
        { head: "95 % interval", number: true, cell: (one) => `${times(one.low)} to ${times(one.high)}` },
        { head: "beside the base", cell: (one) => <Ratio one={one} most={most} /> },
        { head: "pairs", number: true, cell: (one) => one.runs },
        { head: "command", cell: (one) => <code className="cut">{one.command.join(" ")}</code> },
      ]}
    />
  );
}

/** The ratio with its interval, beside a line at the base's own time. */
function Ratio({ one, most }: { one: Comparison; most: number }) {
  const x = (ratio: number) => (118 * ratio) / most;
  return (
    <svg className="intervals ratio" viewBox="0 0 120 12" aria-hidden="true">
      <line className="axis" x1={x(1)} x2={x(1)} y1="0" y2="12" />
      <line x1={x(one.low)} x2={x(one.high ?? most)} y1="6" y2="6" />
      <circle cx={x(one.ratio)} cy="6" r="2.2" />
    </svg>
  );
}

function Board({ board }: { board: Score[] }) {
  if (!board.some((row) => row.when))
    return (
      <p className="nothing">
        Nothing of it was measured yet: <code>samplemind bench --quick</code>
      </p>
    );
  const never = <span className="nothing">–</span>;
  const told = (row: Score, cell: ReactNode) => (row.when ? cell : never);
  return (
    <Table
      label="The board"
      rows={board}
      id={(row) => row.key}
      columns={[
        { head: "metric", cell: (row) => <span title={row.note}>{row.metric}</span> },
        {
          head: "target",
          number: true,
          cell: (row) => row.target != null && `${row.better === "more" ? "≥" : "≤"} ${amount(row.target, row.unit)}`,
        },
        { head: "last", number: true, cell: (row) => told(row, amount(row.now, row.unit)) },
        {
          head: "95 % interval",
          number: true,
          cell: (row) => told(row, row.runs > 1 && `${amount(row.low, "")} to ${amount(row.high, row.unit)}`),
        },
        { head: "verdict", cell: (row) => told(row, <Verdict verdict={row.verdict} />) },
        {
          head: "measured",
          cell: (row) => (row.when ? moment(row.when) : <code>samplemind bench {row.key.split(".")[0]}</code>),
        },
      ]}
    />
  );
}

function Verdict({ verdict }: { verdict: string }) {
  return <span className={`badge ${verdict.replace(" ", "-")}`}>{verdict}</span>;
}

const amount = (value: number | null, unit: string): string =>
  value == null ? "?" : `${Number(value.toPrecision(3))}${unit ? ` ${unit}` : ""}`;

/** Medians as points, their intervals as lines; the scale begins at nothing, so small changes look small. */
function Intervals({ points, label }: { points: Point[]; label: string }) {
  const most = Math.max(...points.map((point) => point.high ?? point.now ?? 0), Number.MIN_VALUE);
  const y = (value: number) => 58 - (56 * value) / most;
  const step = 300 / points.length;
  const told = points.map((point) => `${point.commit || point.when} ${amount(point.now, point.unit)}`).join(", ");
  return (
    <svg className="intervals" viewBox="0 0 300 60" role="img" aria-label={`${label}: ${told}`}>
      <line x1="0" x2="300" y1="58" y2="58" className="axis" />
      {points.map((point, at) => {
        const x = (at + 0.5) * step;
        if (point.now == null) return null;
        return (
          <g key={point.when + point.commit}>
            <title>{`${point.commit} ${amount(point.now, point.unit)}`}</title>
            <line x1={x} x2={x} y1={y(point.low ?? point.now)} y2={y(point.high ?? point.now)} />
            <circle cx={x} cy={y(point.now)} r="2.2" />
          </g>
        );
      })}
    </svg>
  );
}
