/** What `bench run --save` has kept: each metric over the commits, with its interval. */

import { useQuery } from "@tanstack/react-query";
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

interface History {
  project: string;
  measurements: Measurement[];
  broken: string[];
}

export function Benches() {
  const found = useQuery({ queryKey: ["benches"], queryFn: ({ signal }) => get<History>("benches", {}, signal) });
  if (!found.data) return <Failure error={found.error} />;
  const { project, measurements, broken } = found.data;
  const series = new Map<string, { name: string; metric: string; points: Point[] }>();
  for (const { name, when, commit, rows } of measurements)
    for (const row of rows) {
      const one = series.get(`${name} ${row.key}`) ?? { name, metric: row.metric, points: [] };
      one.points.push({ ...row, when, commit });
      series.set(`${name} ${row.key}`, one);
    }
  return (
    <>
      <p className="total">of {project}</p>
      {broken.map((told) => (
        <p key={told} className="trouble">
          {told}
        </p>
      ))}
      {!measurements.length && (
        <p className="nothing">
          Nothing is kept of this project yet: <code>samplemind bench run --save NAME -- COMMAND</code>
        </p>
      )}
      {[...series].map(([key, { name, metric, points }]) => (
        <section key={key} aria-label={`${name}: ${metric}`}>
          <h2>
            {name}: {metric}
          </h2>
          <Intervals points={points} label={`${name}: ${metric}`} />
          <Table
            label={`${name}: ${metric}, in numbers`}
            rows={[...points].reverse()}
            id={(point) => point.when + point.commit}
            columns={[
              { head: "when", cell: (point) => point.when.slice(0, 16).replace("T", " ") },
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
    </>
  );
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
