/** The local models: installed, loaded, used by which task; pull, warm, stop, remove. */

import { useRef, useState } from "react";
import { ApiError, post, postEvents, type Trouble } from "../api";
import { useLive } from "../live";
import { Ask, type Column, Table, Told } from "../ui";
import { bytes } from "../words";

interface Model {
  name: string;
  installed: boolean;
  size: number | null;
  parameters: string | null;
  quantization: string | null;
  family: string | null;
  loaded: { size: number; size_vram: number; until: string | null } | null;
  wanted: boolean;
  tasks: string[];
}

interface Found {
  url: string;
  models: Model[];
  error: Trouble | null;
}

interface Pull {
  phase: string;
  done: number;
  total: number | null;
  trouble: string;
}

const told = (error: unknown): Trouble => ({
  message: error instanceof Error ? error.message : String(error),
  hint: error instanceof ApiError ? error.hint : null,
});

export function Models() {
  const found = useLive<Found>("models");
  const [pulls, setPulls] = useState<Record<string, Pull>>({});
  const [busy, setBusy] = useState<Record<string, string>>({});
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [removing, setRemoving] = useState("");
  const act = (verb: string, name: string) => {
    setTrouble(null);
    setBusy((all) => ({ ...all, [name]: verb }));
    post(`models/${verb}`, { name })
      .catch((error) => setTrouble(told(error)))
      .finally(() => setBusy(({ [name]: _, ...rest }) => rest));
  };
  const pull = async (name: string) => {
    setTrouble(null);
    const show = (now: Pull) => setPulls((all) => ({ ...all, [name]: now }));
    show({ phase: "planning", done: 0, total: null, trouble: "" });
    try {
      for await (const { event, data } of postEvents("models/pull", { name }, new AbortController().signal)) {
        if (event === "progress") show(JSON.parse(data));
        else if (event === "error") setTrouble(JSON.parse(data));
      }
    } catch (error) {
      setTrouble(told(error));
    }
    setPulls(({ [name]: _, ...rest }) => rest);
  };
  return (
    <>
      {trouble && <Told trouble={trouble} />}
      {found?.error && <Told trouble={found.error} />}
      {!found && <p className="nothing">asking the daemon</p>}
      {found && !found.error && (
        <>
          <p className="total">Ollama at {found.url}</p>
          <PullForm pull={pull} />
          {Object.entries(pulls).map(([name, now]) => (
            <p key={name} role="status">
              {name}: {now.phase} {now.total ? `${bytes(now.done)} of ${bytes(now.total)} ` : ""}
              {now.trouble}
              <progress value={now.total ? now.done / now.total : undefined} aria-label={`Pull of ${name}`} />
            </p>
          ))}
          <Table
            label="Local models"
            rows={found.models}
            id={(model) => model.name}
            columns={columns(busy, act, pull, setRemoving)}
          />
        </>
      )}
      {removing && (
        <Ask
          question={`Remove ${removing} from the disk?`}
          yes="Remove"
          onNo={() => setRemoving("")}
          onYes={() => {
            act("remove", removing);
            setRemoving("");
          }}
        />
      )}
    </>
  );
}

function PullForm({ pull }: { pull: (name: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <form
      className="actions"
      onSubmit={(event) => {
        event.preventDefault();
        const name = field.current?.value.trim();
        if (name) pull(name);
      }}
    >
      <label className="choose words">
        <span>pull a model</span>
        <input ref={field} placeholder="qwen2.5:7b-instruct" />
      </label>
      <button type="submit">Pull</button>
    </form>
  );
}

function columns(
  busy: Record<string, string>,
  act: (verb: string, name: string) => void,
  pull: (name: string) => void,
  remove: (name: string) => void,
): Column<Model>[] {
  return [
    { head: "model", cell: (model) => model.name },
    {
      head: "size",
      number: true,
      cell: (model) => (model.installed ? bytes(model.size) : <span className="badge missing">missing</span>),
    },
    {
      head: "kind",
      cell: (model) => [model.parameters, model.quantization, model.family].filter(known).join(" "),
    },
    { head: "in memory", cell: (model) => loaded(model) },
    {
      head: "used for",
      cell: (model) => (
        <span className="wrapped">{model.tasks.join(", ") || (model.wanted ? "in your settings" : "")}</span>
      ),
    },
    {
      head: "do",
      cell: (model) => {
        const doing = busy[model.name];
        const button = (verb: string, name: string, run: () => void) => (
          <button type="button" disabled={!!doing} aria-label={`${name} ${model.name}`} onClick={run}>
            {doing === verb ? `${name} …` : name}
          </button>
        );
        if (!model.installed) return button("pull", "Pull", () => pull(model.name));
        return (
          <span className="actions">
            {model.loaded
              ? button("stop", "Stop", () => act("stop", model.name))
              : button("warm", "Warm", () => act("warm", model.name))}
            {button("remove", "Remove…", () => remove(model.name))}
          </span>
        );
      },
    },
  ];
}

const known = (word: string | null): word is string => !!word && word !== "unknown";

function loaded({ loaded: now }: Model): string {
  if (!now) return "";
  const until = now.until ? `until ${new Date(now.until).toLocaleTimeString("en-GB")}` : "for ever";
  const vram = now.size_vram ? `${bytes(now.size_vram)} of it VRAM` : "no VRAM";
  return `${bytes(now.size)}, ${vram}, ${until}`;
}
