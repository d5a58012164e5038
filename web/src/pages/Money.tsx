/** What was spent: by day, and apart by model, client, session and more. */

import { useQuery } from "@tanstack/react-query";
import { get } from "../api";
import { useNews } from "../live";
import { go, hrefOf, useRoute } from "../route";
import { Bars, Choose, Facts, Failure, Since, Table } from "../ui";
import { count, dollars, milliseconds } from "../words";
import { type Group, useSums } from "./sums";

const BY = ["model", "provider", "client", "session", "task", "command"];

interface Budget {
  budget: string;
  limit: number;
  spent: number;
  held: number;
  left: number;
}

export function Money() {
  const { query } = useRoute();
  const since = query.since ?? "month";
  const by = query.by ?? "model";
  const change = (name: string, value: string) => go(hrefOf("money", "", { ...query, [name]: value }), true);
  const days = useSums(since, "day");
  const groups = useSums(since, by);
  useNews("sums", "budgets");
  const total = days.data?.total;
  const costly = [...(groups.data?.groups ?? [])].sort(
    (a, b) => b.dollars_spent - a.dollars_spent || b.calls - a.calls,
  );
  return (
    <>
      <div className="filters">
        <Since value={since} onChange={(value) => change("since", value)} />
        <Choose label="apart by" value={by} names={BY} all={false} onChange={(value) => change("by", value)} />
      </div>
      <Failure error={days.error ?? groups.error} />
      {days.isPending && <p className="nothing">summing up</p>}
      {total && (
        <Facts
          facts={[
            ["spent", dollars(total.dollars_spent)],
            ["saved by the cache", dollars(total.dollars_saved)],
            ["calls", count(total.calls)],
            ["tokens in", count(total.input_tokens)],
            ["tokens out", count(total.output_tokens)],
            ["errors", count(total.errors)],
          ]}
        />
      )}
      {days.data?.note && <p className="nothing">{days.data.note}</p>}
      <Bars
        title="Spent by day"
        points={(days.data?.groups ?? []).map((day) => ({
          name: day.name,
          value: day.dollars_spent,
          told: dollars(day.dollars_spent),
        }))}
      />
      <Budgets />
      {!!costly.length && <Table label={`By ${by}`} rows={costly} id={(group) => group.name} columns={columns(by)} />}
      {groups.data && !costly.length && <p className="nothing">Nothing was asked in this time.</p>}
    </>
  );
}

function Budgets() {
  const found = useQuery({ queryKey: ["budgets"], queryFn: ({ signal }) => get<Budget[]>("budgets", {}, signal) });
  if (!found.data) return <Failure error={found.error} />;
  if (!found.data.length)
    return (
      <p className="nothing">
        No budget is set: <code>[budgets]</code> in the user's config file limits what a day, a week or a client may
        cost.
      </p>
    );
  return (
    <Table
      label="Budgets"
      rows={found.data}
      id={(one) => one.budget}
      columns={[
        { head: "budget", cell: (one) => one.budget },
        { head: "spent", number: true, cell: (one) => dollars(one.spent) },
        { head: "held", number: true, cell: (one) => dollars(one.held) },
        { head: "left", number: true, cell: (one) => dollars(one.left) },
        {
          head: "used",
          cell: (one) => <meter value={one.limit - one.left} max={one.limit} aria-label={`Used of ${one.budget}`} />,
        },
      ]}
    />
  );
}

const columns = (by: string) => [
  { head: by, cell: (group: Group) => group.name || "–" },
  { head: "spent", number: true, cell: (group: Group) => dollars(group.dollars_spent) },
  { head: "saved", number: true, cell: (group: Group) => dollars(group.dollars_saved) },
  { head: "calls", number: true, cell: (group: Group) => count(group.calls) },
  { head: "hits", number: true, cell: (group: Group) => count(group.hits) },
  { head: "errors", number: true, cell: (group: Group) => count(group.errors) },
  { head: "tokens in", number: true, cell: (group: Group) => count(group.input_tokens) },
  { head: "tokens out", number: true, cell: (group: Group) => count(group.output_tokens) },
  { head: "p50", number: true, cell: (group: Group) => milliseconds(group.p50_ms) },
  { head: "p95", number: true, cell: (group: Group) => milliseconds(group.p95_ms) },
];
