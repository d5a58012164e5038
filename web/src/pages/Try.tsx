/** A prompt against one to three models side by side, and what would ask the same elsewhere. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ApiError, get, postEvents, type Trouble } from "../api";
import { useKeys } from "../keys";
import { Copy, Failure, Told } from "../ui";
import { count, dollars, milliseconds } from "../words";
import { asAsk, asCurl, asPython, type Settings } from "./copies";

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const PLACES = ["first", "second", "third"]; // of models side by side

interface Whole {
  text: string;
  provider: string;
  model: string;
  cached: string | false;
  finish_reason: string;
  latency_ms: number;
  usage: { input_tokens: number | null; output_tokens: number | null };
  dollars: number | null;
}

interface Answer {
  why: string;
  thinking: string;
  text: string;
  whole: Whole | null;
  trouble: Trouble | null;
}

const NONE: Answer = { why: "", thinking: "", text: "", whole: null, trouble: null };

export function Try() {
  const models = useQuery({ queryKey: ["choices"], queryFn: ({ signal }) => get<string[]>("choices", {}, signal) });
  const [settings, setSettings] = useState<Settings>({
    prompt: "",
    system: "",
    temperature: "",
    max_tokens: "",
    effort: "",
    cache: "use",
  });
  const [chosen, setChosen] = useState<string[]>(["auto"]);
  const [answers, setAnswers] = useState<Answer[]>([]);
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController | null>(null);
  const prompt = useRef<HTMLTextAreaElement>(null);
  useEffect(() => () => running.current?.abort(), []);
  useKeys({ "/": () => prompt.current?.focus() });
  const change = (name: keyof Settings, value: string) => setSettings((before) => ({ ...before, [name]: value }));
  const ask = async () => {
    if (!settings.prompt || busy) return;
    const end = new AbortController();
    running.current = end;
    setBusy(true);
    setAnswers(chosen.map(() => NONE));
    const tell = (at: number, next: (before: Answer) => Answer) =>
      setAnswers((all) => all.map((one, index) => (index === at ? next(one) : one)));
    await Promise.all(chosen.map((model, at) => askOne(settings, model, end.signal, (next) => tell(at, next))));
    setBusy(false);
  };
  return (
    <>
      <form
        className="try"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <label className="choose wide">
          <span>prompt (Ctrl+Enter asks)</span>
          <textarea
            ref={prompt}
            rows={4}
            value={settings.prompt}
            onChange={(event) => change("prompt", event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
            }}
          />
        </label>
        <label className="choose wide">
          <span>system</span>
          <textarea rows={1} value={settings.system} onChange={(event) => change("system", event.target.value)} />
        </label>
        <div className="filters">
          {PLACES.slice(0, chosen.length).map((place, at) => (
            <label className="choose" key={place}>
              <span>{place} model</span>
              <input
                list="models"
                value={chosen[at]}
                onChange={(event) => setChosen(chosen.map((old, index) => (index === at ? event.target.value : old)))}
              />
            </label>
          ))}
          <datalist id="models">
            {(models.data ?? []).map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <Field label="temperature" value={settings.temperature} onChange={(value) => change("temperature", value)} />
          <Field label="max tokens" value={settings.max_tokens} onChange={(value) => change("max_tokens", value)} />
          <label className="choose">
            <span>effort</span>
            <select value={settings.effort} onChange={(event) => change("effort", event.target.value)}>
              <option value="">the model's own</option>
              {EFFORTS.map((effort) => (
                <option key={effort}>{effort}</option>
              ))}
            </select>
          </label>
          <label className="choose">
            <span>cache</span>
            <select value={settings.cache} onChange={(event) => change("cache", event.target.value)}>
              <option>use</option>
              <option>refresh</option>
              <option>off</option>
            </select>
          </label>
        </div>
        <div className="actions">
          <button type="submit" className="primary" disabled={busy || !settings.prompt}>
            Ask
          </button>
          <button type="button" disabled={!busy} onClick={() => running.current?.abort()}>
            Stop
          </button>
          <button
            type="button"
            disabled={chosen.length >= PLACES.length || busy}
            onClick={() => setChosen([...chosen, "auto"])}
          >
            One more model
          </button>
          <button type="button" disabled={chosen.length < 2 || busy} onClick={() => setChosen(chosen.slice(0, -1))}>
            One fewer
          </button>
        </div>
      </form>
      <Failure error={models.error} />
      <div className="answers">
        {PLACES.slice(0, answers.length).map((place, at) => (
          <Shown key={place} answer={answers[at] ?? NONE} model={chosen[at] ?? ""} settings={settings} />
        ))}
      </div>
    </>
  );
}

async function askOne(
  settings: Settings,
  model: string,
  ended: AbortSignal,
  tell: (next: (before: Answer) => Answer) => void,
): Promise<void> {
  const body = {
    prompt: settings.prompt,
    system: settings.system || null,
    model,
    temperature: settings.temperature === "" ? null : Number(settings.temperature),
    max_tokens: settings.max_tokens === "" ? null : Number(settings.max_tokens),
    effort: settings.effort,
    cache: settings.cache,
  };
  try {
    for await (const { event, data } of postEvents("ask", body, ended)) {
      const value = data ? JSON.parse(data) : null;
      if (event === "text") tell((before) => ({ ...before, text: before.text + value }));
      else if (event === "thinking") tell((before) => ({ ...before, thinking: before.thinking + value }));
      else if (event === "why") tell((before) => ({ ...before, why: value }));
      else if (event === "answer") tell((before) => ({ ...before, whole: value, text: value.text }));
      else if (event === "error") tell((before) => ({ ...before, trouble: value }));
    }
  } catch (error) {
    const hint = error instanceof ApiError ? error.hint : null;
    const message = ended.aborted ? "stopped" : error instanceof Error ? error.message : String(error);
    tell((before) => ({ ...before, trouble: { message, hint } }));
  }
}

function Field({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <label className="choose">
      <span>{label}</span>
      <input
        inputMode="decimal"
        value={value}
        placeholder="the model's own"
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

function Shown({ answer, model, settings }: { answer: Answer; model: string; settings: Settings }) {
  const { whole } = answer;
  return (
    <article className="answer" aria-label={`Answer of ${model}`} aria-busy={!whole && !answer.trouble}>
      <h2>{whole ? `${whole.provider}/${whole.model}` : model}</h2>
      {answer.trouble && <Told trouble={answer.trouble} />}
      {answer.thinking && (
        <details>
          <summary>Thinking</summary>
          <pre>{answer.thinking}</pre>
        </details>
      )}
      <pre aria-live="polite">{answer.text || (answer.trouble ? "" : "…")}</pre>
      {whole && (
        <p className="nothing used">
          {whole.cached ? `from the ${whole.cached} cache` : "fresh"}, {milliseconds(whole.latency_ms)},{" "}
          {count(whole.usage.input_tokens)} tokens in, {count(whole.usage.output_tokens)} out, {dollars(whole.dollars)},{" "}
          {whole.finish_reason}
        </p>
      )}
      {answer.why && <p className="nothing">not cached: {answer.why}</p>}
      <div className="actions">
        <Copy text={answer.text} label="Copy answer" />
        <Copy text={asAsk(settings, model)} label="as ask" />
        <Copy text={asCurl(settings, model)} label="as curl" />
        <Copy text={asPython(settings, model)} label="as Python" />
      </div>
    </article>
  );
}
