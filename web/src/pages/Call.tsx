/** One request: prompt and answer where they were kept, who answered, what it took. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { get } from "../api";
import { hrefOf, useRoute } from "../route";
import { Copy, Facts, Failure } from "../ui";
import { count, dollars, milliseconds, wholeMoment } from "../words";

interface Span {
  name: string;
  start: number;
  ms: number;
}

interface Whole {
  id: string;
  at: number;
  command?: string;
  client?: string;
  session?: string;
  agent?: string;
  format?: string;
  task?: string;
  provider?: string;
  model?: string;
  passed?: [string, string][];
  tier?: string;
  times?: number;
  input_tokens?: number;
  output_tokens?: number;
  cached_tokens?: number;
  reasoning_tokens?: number;
  ms?: number;
  finish?: string;
  error?: string;
  key?: string;
  why?: string;
  nearest?: { key: string; id?: string; prompt?: string };
  system?: string;
  prompt?: string;
  answer?: string;
  dollars: number | null;
  spans: Span[];
}

export function Call({ id, close }: { id: string; close: string }) {
  const found = useQuery({ queryKey: ["call", id], queryFn: ({ signal }) => get<Whole>(`requests/${id}`, {}, signal) });
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (id) head.current?.scrollIntoView({ block: "nearest" });
  }, [id]);
  return (
    <article className="call" aria-label="One request">
      <div className="actions">
        <h2 ref={head}>{id}</h2>
        <a className="button" href={close}>
          Close
        </a>
      </div>
      <Failure error={found.error} />
      {found.data && <Told call={found.data} />}
    </article>
  );
}

function Told({ call }: { call: Whole }) {
  return (
    <>
      {call.error && <p className="trouble">{call.error}</p>}
      <Waterfall spans={call.spans} />
      {call.why && <Why call={call} why={call.why} />}
      <Facts facts={factsOf(call)} />
      {!!call.passed?.length && (
        <>
          <h3>Passed over</h3>
          <ul>
            {call.passed.map(([provider, why]) => (
              <li key={provider}>
                <strong>{provider}</strong> {why}
              </li>
            ))}
          </ul>
        </>
      )}
      <Words name="System" text={call.system} />
      <Words name="Prompt" text={call.prompt} />
      <Words name="Answer" text={call.answer} />
      {!call.prompt && !call.answer && (
        <p className="nothing">Its words were not kept: the ledger has those of ask, chat and this page alone.</p>
      )}
    </>
  );
}

/** In what it is new, and the stored question that it is nearest to. */
function Why({ call, why }: { call: Whole; why: string }) {
  const { query } = useRoute();
  const { nearest } = call;
  return (
    <section className="why" aria-label="Why it was not cached">
      <h3>Why it was not cached</h3>
      <p>
        {why}
        {nearest && ", beside the nearest stored question: "}
        {nearest?.id && <a href={hrefOf("requests", nearest.id, query)}>{nearest.prompt ?? nearest.id}</a>}
        {nearest && !nearest.id && <code>{nearest.key}</code>}
      </p>
    </section>
  );
}

function factsOf(call: Whole): [string, string][] {
  const saved = call.tier && call.tier !== "miss";
  const facts: [string, string | undefined][] = [
    ["when", wholeMoment(call.at)],
    ["route", `${call.provider ?? "?"}/${call.model ?? "?"}`],
    ["cache", call.tier],
    ["times", call.times && call.times > 1 ? count(call.times) : undefined],
    ["tokens in", count(call.input_tokens)],
    ["tokens out", count(call.output_tokens)],
    ["cached tokens", call.cached_tokens ? count(call.cached_tokens) : undefined],
    ["reasoning tokens", call.reasoning_tokens ? count(call.reasoning_tokens) : undefined],
    [saved ? "saved" : "cost", call.error ? undefined : dollars(call.dollars)],
    ["client", call.client ?? call.command],
    ["session", call.session],
    ["agent", call.agent],
    ["format", call.format],
    ["task", call.task],
    ["finish", call.finish],
    ["key", call.key],
    ["id", call.id],
  ];
  return facts.filter((fact): fact is [string, string] => !!fact[1]);
}

function Waterfall({ spans }: { spans: Span[] }) {
  const whole = Math.max(...spans.map((span) => span.start + span.ms), 0.001);
  return (
    <section className="waterfall" aria-label="What its time went into">
      {spans.map((span) => (
        <div key={span.name}>
          <span>{span.name}</span>
          <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            <rect
              className={span.name.replace(" ", "-")}
              x={(100 * span.start) / whole}
              width={Math.max((100 * span.ms) / whole, 0.5)}
              height="4"
            />
          </svg>
          <span className="number">{milliseconds(span.ms)}</span>
        </div>
      ))}
    </section>
  );
}

function Words({ name, text }: { name: string; text: string | undefined }) {
  if (!text) return null;
  return (
    <section className="words" aria-label={name}>
      <div className="actions">
        <h3>{name}</h3>
        <Copy text={text} />
      </div>
      <pre>{text}</pre>
    </section>
  );
}
