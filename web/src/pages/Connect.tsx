/** What each tool is to be told so that it asks this server. */

import { useQuery } from "@tanstack/react-query";
import { get } from "../api";
import { go, hrefOf, useRoute } from "../route";
import { Copy, Failure } from "../ui";

interface Tool {
  name: string;
  launch: string;
  paste: string;
  install: string;
}

export function Connect() {
  const model = useRoute().query.model ?? "";
  const choices = useQuery({ queryKey: ["choices"], queryFn: ({ signal }) => get<string[]>("choices", {}, signal) });
  const found = useQuery({
    queryKey: ["connect", model],
    queryFn: ({ signal }) => get<{ url: string; tools: Tool[] }>("connect", { model }, signal),
    placeholderData: (before) => before,
  });
  return (
    <>
      <p>
        <code>samplemind launch TOOL</code> does it all. To start a tool without it, paste the lines below.
      </p>
      <label className="choose">
        <span>model</span>
        <input
          list="models"
          value={model}
          placeholder="the tool's own, or auto"
          onChange={(event) => go(hrefOf("connect", "", { model: event.target.value }), true)}
        />
      </label>
      <datalist id="models">
        {(choices.data ?? []).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <Failure error={found.error} />
      <div className="tools">
        {found.data?.tools.map((tool) => (
          <section key={tool.name} className="tool" aria-label={tool.name}>
            <h2>{tool.name}</h2>
            <Paste name={`launch ${tool.name}`} text={tool.launch} />
            <Paste name={`what ${tool.name} is told`} text={tool.paste} />
            <p className="nothing">
              not installed? <code>{tool.install}</code>
            </p>
          </section>
        ))}
      </div>
    </>
  );
}

function Paste({ name, text }: { name: string; text: string }) {
  return (
    <div className="paste">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={name}>
        <pre>{text}</pre>
      </section>
      <Copy text={text} />
    </div>
  );
}
