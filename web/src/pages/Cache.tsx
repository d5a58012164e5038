/** The answer cache: what it spared, what it holds, and how to be rid of it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../api";
import { useNews } from "../live";
import { go, hrefOf, useRoute } from "../route";
import { Ask, Bars, Choose, Facts, Failure, Since, Table } from "../ui";
import { bytes, count, counted, dollars, percent, seconds, wholeMoment } from "../words";
import { type Group, useSums } from "./sums";

interface Entry {
  key: string;
  bytes?: number;
  hits?: number;
  model?: string;
  prompt: string | null;
}

interface Tiers {
  cache: string;
  local: {
    path: string;
    entries: number;
    bytes: number;
    bound: number;
    providers: Record<string, number>;
    oldest: number | null;
  };
  redis: { url: string; reachable: boolean; reason?: string; entries?: number; memory?: number } | null;
  used: Entry[];
  largest: Entry[];
}

export function Cache() {
  const since = useRoute().query.since ?? "7d";
  const sums = useSums(since, since === "today" || since === "24h" ? "hour" : "day");
  const tiers = useQuery({ queryKey: ["cache"], queryFn: ({ signal }) => get<Tiers>("cache", {}, signal) });
  useNews("sums", "cache", "names");
  const total = sums.data?.total;
  const points = (value: (group: Group) => number, told: (group: Group) => string) =>
    (sums.data?.groups ?? []).map((group) => ({ name: group.name, value: value(group), told: told(group) }));
  return (
    <>
      <Since value={since} onChange={(value) => go(hrefOf("cache", "", { since: value }), true)} />
      <Failure error={sums.error} />
      {sums.isPending && <p className="nothing">summing up</p>}
      {total && (
        <Facts
          facts={[
            ["hit rate", percent(total.hit_rate)],
            ["hits", `${count(total.hits)} of ${count(total.calls - total.errors)} answers`],
            ["saved", dollars(total.dollars_saved)],
            ["time saved", seconds(total.seconds_saved)],
          ]}
        />
      )}
      <div className="beside">
        <Bars
          title="Hit rate"
          most={1}
          points={points(
            (g) => g.hit_rate ?? 0,
            (g) => percent(g.hit_rate),
          )}
        />
        <Bars
          title="Seconds saved"
          points={points(
            (g) => g.seconds_saved,
            (g) => seconds(g.seconds_saved),
          )}
        />
        <Bars
          title="Dollars saved"
          points={points(
            (g) => g.dollars_saved,
            (g) => dollars(g.dollars_saved),
          )}
        />
      </div>
      <Failure error={tiers.error} />
      {tiers.data && <Held tiers={tiers.data} />}
    </>
  );
}

function Held({ tiers }: { tiers: Tiers }) {
  const { local, redis } = tiers;
  const shared = redis ? redisTold(redis) : "none: export SAMPLEMIND_REDIS_URL=redis://…, or samplemind up redis";
  return (
    <>
      <h2>Tiers</h2>
      <Facts
        facts={[
          ["cache", tiers.cache],
          ["local", `${counted(local.entries, "answer")}, ${bytes(local.bytes)} of ${bytes(local.bound)}`],
          ["Redis", shared],
          ["oldest", local.oldest ? wholeMoment(local.oldest) : "–"],
          ["folder", local.path],
        ]}
      />
      <Clear providers={Object.keys(local.providers)} />
      <h2>Given most often</h2>
      <Entries entries={tiers.used} label="Given most often" />
      <h2>Largest</h2>
      <Entries entries={tiers.largest} label="Largest" />
    </>
  );
}

function redisTold(redis: NonNullable<Tiers["redis"]>): string {
  if (!redis.reachable) return `${redis.url}: ${redis.reason}; samplemind up redis starts one`;
  return `${counted(redis.entries, "answer")}, ${bytes(redis.memory)} used at ${redis.url}`;
}

function Entries({ entries, label }: { entries: Entry[]; label: string }) {
  if (!entries.length) return <p className="nothing">None yet.</p>;
  const size = entries[0]?.bytes != null;
  return (
    <Table
      label={label}
      rows={entries}
      id={(entry) => entry.key}
      columns={[
        size
          ? { head: "size", number: true, cell: (entry) => bytes(entry.bytes) }
          : { head: "hits", number: true, cell: (entry) => count(entry.hits) },
        ...(size ? [] : [{ head: "route", cell: (entry: Entry) => entry.model }]),
        { head: "prompt", cell: (entry) => <span className="cut">{entry.prompt ?? "(not kept)"}</span> },
        { head: "key", cell: (entry) => <code>{short(entry.key)}</code> },
      ]}
    />
  );
}

const short = (key: string): string => (key.length > 40 ? `${key.slice(0, 40)}…` : key);

const NOTHING = { provider: "", model: "", tier: "", older_than: "", question: "" };
const AGES = { "1h": "an hour", "1d": "a day", "7d": "7 days", "30d": "30 days" };

/** The answers that are chosen, as the question says before they go. */
function described(chosen: typeof NOTHING): string {
  const { provider, model, tier, older_than, question } = chosen;
  const parts = [
    `Remove ${provider ? `${provider}'s` : model || older_than || question ? "the" : "all"} stored answers`,
    model && `of ${model}`,
    older_than && `older than ${AGES[older_than as keyof typeof AGES]}`,
    question && `to questions that begin with “${question}”`,
  ];
  const where = tier === "local" ? "here alone" : tier === "redis" ? "in Redis alone" : "here and in Redis";
  return `${parts.filter(Boolean).join(" ")}, ${where}?`;
}

function Clear({ providers }: { providers: string[] }) {
  const client = useQueryClient();
  const names = useQuery({
    queryKey: ["names"],
    queryFn: ({ signal }) => get<{ model: string[] }>("names", {}, signal),
  });
  const [chosen, setChosen] = useState(NOTHING);
  const [asking, setAsking] = useState(false);
  const [told, setTold] = useState<unknown>();
  const [gone, setGone] = useState("");
  const choose = (name: keyof typeof NOTHING) => (value: string) => setChosen({ ...chosen, [name]: value });
  const clear = () => {
    setAsking(false);
    setTold(undefined);
    setGone("");
    post<{ entries: number; bytes: number; redis: number | null }>("cache/clear", chosen)
      .then(({ entries, bytes: freed, redis }) => {
        const there = redis == null ? "" : `; ${counted(redis, "answer")} from Redis`;
        setGone(`removed ${counted(entries, "answer")}, ${bytes(freed)}${there}`);
      })
      .catch(setTold)
      .finally(() => client.invalidateQueries({ queryKey: ["cache"] }));
  };
  return (
    <section aria-label="Clear">
      <div className="filters clear">
        <Choose label="provider" value={chosen.provider} names={providers} onChange={choose("provider")} />
        <Choose label="model" value={chosen.model} names={names.data?.model ?? []} onChange={choose("model")} />
        <Choose label="tier" value={chosen.tier} names={["local", "redis"]} onChange={choose("tier")} />
        <label className="choose">
          <span>older than</span>
          <select value={chosen.older_than} onChange={(event) => choose("older_than")(event.target.value)}>
            <option value="">any age</option>
            {Object.entries(AGES).map(([span, name]) => (
              <option key={span} value={span}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="choose words">
          <span>question begins with (where its words were kept)</span>
          <input value={chosen.question} onChange={(event) => choose("question")(event.target.value)} />
        </label>
        <button type="button" className="danger" onClick={() => setAsking(true)}>
          Clear…
        </button>
      </div>
      <p role="status">{gone}</p>
      <Failure error={told} />
      {asking && <Ask question={described(chosen)} yes="Remove" onYes={clear} onNo={() => setAsking(false)} />}
    </section>
  );
}
