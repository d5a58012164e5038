/** What was asked, newest first: chosen by facts and words, and one of them opened. */

import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { get } from "../api";
import { useKeys } from "../keys";
import { useLive, useNews } from "../live";
import { go, hrefOf, useRoute } from "../route";
import { Choose } from "../ui";
import { Call } from "./Call";
import { List } from "./List";

const FACTS = ["model", "tier", "status", "client", "session"] as const;

export function Requests() {
  const { id, query } = useRoute();
  const chosen = Object.fromEntries([...FACTS, "words"].map((name) => [name, query[name] ?? ""]));
  const seen = useLive<{ newest: number; total: number }>("requests");
  useNews("names");
  const names = useQuery({
    queryKey: ["names"],
    queryFn: () => get<Record<string, string[]>>("names"),
    staleTime: 60_000,
  });
  const choose = (name: string, value: string) => go(hrefOf("requests", id, { ...query, [name]: value }), true);
  return (
    <div className={id ? "split" : ""}>
      <div className="list">
        <search className="filters">
          <Search value={chosen.words ?? ""} onChange={(words) => choose("words", words)} />
          {FACTS.map((name) => (
            <Choose
              key={name}
              label={name}
              value={chosen[name] ?? ""}
              names={names.data?.[name] ?? []}
              onChange={(value) => choose(name, value)}
            />
          ))}
        </search>
        <List
          key={JSON.stringify(chosen)}
          chosen={chosen}
          seen={seen ? `${seen.newest} ${seen.total}` : ""}
          opened={id}
          query={query}
        />
      </div>
      {id && <Call id={id} close={hrefOf("requests", "", query)} />}
    </div>
  );
}

function Search({ value, onChange }: { value: string; onChange: (words: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(value);
  const settled = useDeferredValue(typed);
  const tell = useRef(onChange);
  tell.current = onChange;
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (settled === value) return;
    const soon = setTimeout(() => tell.current(settled), 120);
    return () => clearTimeout(soon);
  }, [settled, value]);
  useKeys({ "/": () => field.current?.focus() });
  return (
    <label className="choose words">
      <span>words</span>
      <input
        ref={field}
        type="search"
        value={typed}
        placeholder="in prompts and answers ( / )"
        onChange={(event) => setTyped(event.target.value)}
      />
    </label>
  );
}
