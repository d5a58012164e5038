/** The few parts that several pages share. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import { ApiError, type Trouble } from "./api";

export function Failure({ error }: { error: unknown }) {
  if (!error) return null;
  const hint = error instanceof ApiError ? error.hint : null;
  const told: Trouble = { message: error instanceof Error ? error.message : String(error), hint };
  return <Told trouble={told} />;
}

/** What is not there, with the command that brings it. */
export function Told({ trouble }: { trouble: Trouble }) {
  return (
    <div className="trouble" role="status">
      <p>{trouble.message}</p>
      {trouble.hint && <code>{trouble.hint}</code>}
    </div>
  );
}

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const soon = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(soon);
  }, [done]);
  return (
    <button type="button" onClick={() => navigator.clipboard.writeText(text).then(() => setDone(true))}>
      {done ? "Copied" : label}
    </button>
  );
}

/** A question before what cannot be undone; Escape says no. */
export function Ask(props: { question: string; yes: string; onYes: () => void; onNo: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={props.onNo} aria-labelledby="question">
      <p id="question">{props.question}</p>
      <div className="actions">
        <button type="button" className="danger" onClick={props.onYes}>
          {props.yes}
        </button>
        <button type="button" onClick={props.onNo}>
          Cancel
        </button>
      </div>
    </dialog>
  );
}

interface ChooseProps {
  label: string;
  value: string;
  names: string[];
  onChange: (value: string) => void;
  all?: boolean;
}

export function Choose(props: ChooseProps) {
  const known = props.value && !props.names.includes(props.value) ? [props.value, ...props.names] : props.names;
  return (
    <label className="choose">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.target.value)}>
        {props.all !== false && <option value="">all</option>}
        {known.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

const SPANS = { today: "today", "24h": "24 hours", "7d": "7 days", "30d": "30 days", month: "this month", all: "ever" };

export function Since({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <label className="choose">
      <span>since</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {Object.entries(SPANS).map(([span, told]) => (
          <option key={span} value={span}>
            {told}
          </option>
        ))}
        {!(value in SPANS) && <option>{value}</option>}
      </select>
    </label>
  );
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ReactNode;
  number?: boolean;
}

/** A table that scrolls by itself where it is too wide. */
export function Table<T>(props: { label: string; columns: Column<T>[]; rows: T[]; id: (row: T) => string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table" aria-label={props.label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.head} scope="col" className={column.number ? "number" : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.id(row)}>
              {props.columns.map((column) => (
                <td key={column.head} className={column.number ? "number" : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export interface Point {
  name: string;
  value: number;
  told: string;
}

/** Columns over time; each says its value when pointed at, and all are in a table for those who do not see. */
export function Bars({ title, points, most }: { title: string; points: Point[]; most?: number }) {
  if (!points.length) return null;
  const largest = Math.max(...points.map((point) => point.value));
  if (largest <= 0) return <p className="nothing">{title}: none yet</p>;
  const highest = most ?? largest;
  const width = 100 / Math.max(points.length, 14); // a few are not as wide as the page
  const top = points.find((point) => point.value === largest);
  return (
    <figure className="bars">
      <figcaption>
        {title}
        {top && <span>, at most {top.told}</span>}
      </figcaption>
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label={`${title}: ${summary(points)}`}>
        {points.map((point, at) => {
          const height = highest ? (38 * point.value) / highest : 0;
          return (
            <rect key={point.name} x={at * width} y={40 - height} width={width * 0.8} height={Math.max(height, 0.3)}>
              <title>{`${point.name}: ${point.told}`}</title>
            </rect>
          );
        })}
      </svg>
      <div className="ends" style={{ width: `${width * points.length}%` }}>
        <span>{points[0]?.name}</span>
        <span>{points.length > 1 ? points.at(-1)?.name : ""}</span>
      </div>
    </figure>
  );
}

const summary = (points: Point[]): string => points.map((point) => `${point.name} ${point.told}`).join(", ");

export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
