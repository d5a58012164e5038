/** The answer cache: what it spared, what it holds, and how to be rid of it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../api";
import { useNews } from "../live";
import { go, hrefOf, useRoute } from "../route";
import { Ask, Bars, Facts, Failure, Since, Table } from "../ui";
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
  useNews("sums", "cache");
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

function Clear({ providers }: { providers: string[] }) {
  const client = useQueryClient();
  const [provider, setProvider] = useState("");
  const [asking, setAsking] = useState(false);
  const [told, setTold] = useState<unknown>();
  const [gone, setGone] = useState("");
  const clear = () => {
    setAsking(false);
    setTold(undefined);
    post<{ entries: number; bytes: number }>("cache/clear", { provider: provider || null })
      .then((found) => setGone(`removed ${counted(found.entries, "answer")}, ${bytes(found.bytes)}`))
      .catch(setTold)
      .finally(() => client.invalidateQueries({ queryKey: ["cache"] }));
  };
  return (
    <div className="actions">
      <label className="choose">
        <span>answers of</span>
        <select value={provider} onChange={(event) => setProvider(event.target.value)}>
          <option value="">every provider</option>
          {providers.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <button type="button" className="danger" onClick={() => setAsking(true)}>
        Clear…
      </button>
      <span role="status">{gone}</span>
      <Failure error={told} />
      {asking && (
        <Ask
          question={`Remove ${provider ? `${provider}'s` : "all"} stored answers, here and in Redis?`}
          yes="Remove"
          onYes={clear}
          onNo={() => setAsking(false)}
        />
      )}
    </div>
  );
}
