/** The list of 100,000 requests, of which only those in sight are there. */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import { get } from "../api";
import { useKeys } from "../keys";
import { go, hrefOf } from "../route";
import { Failure } from "../ui";
import { count, counted, milliseconds, moment } from "../words";

const PAGE = 100; // rows that are asked for at once
const NARROW = matchMedia("(max-width: 700px)");

interface Row {
  number: number;
  id: string;
  at: number;
  model: string;
  client: string;
  tier: string | null;
  times: number;
  ms: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  error: string | null;
  prompt: string | null;
}

interface Page {
  total: number;
  first: number;
  rows: Row[];
}

interface ListProps {
  chosen: Record<string, string>;
  seen: string;
  opened: string;
  query: Record<string, string>;
}

export function List({ chosen, seen, opened, query }: ListProps) {
  const narrow = useSyncExternalStore(
    (changed) => {
      NARROW.addEventListener("change", changed);
      return () => NARROW.removeEventListener("change", changed);
    },
    () => NARROW.matches,
  );
  const height = narrow ? 60 : 34;
  const last = useQuery({
    queryKey: ["requests", chosen, "last", seen],
    queryFn: ({ signal }) => get<Page>("requests", { ...chosen, most: PAGE }, signal),
    placeholderData: keepPreviousData,
  });
  const total = last.data?.total ?? 0;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  });
  useLayoutEffect(() => {
    if (height) rows.measure();
  }, [height, rows]);
  useStill(scroller, total, height);
  const items = rows.getVirtualItems();
  const rowAt = useRowAt(
    chosen,
    total,
    last.data,
    items.map((item) => item.index),
  );
  const [at, setAt] = useState(-1);
  const move = (to: number) => {
    const within = Math.max(0, Math.min(total - 1, to));
    setAt(within);
    rows.scrollToIndex(within);
    scroller.current?.focus({ preventScroll: true });
    const row = rowAt(within);
    if (opened && row) go(hrefOf("requests", row.id, query), true);
  };
  useKeys({
    j: () => move(at + 1),
    k: () => move(at - 1),
    g: () => move(0),
    enter: () => {
      const row = rowAt(at);
      if (row) go(hrefOf("requests", row.id, query));
    },
    escape: () => go(hrefOf("requests", "", query)),
  });
  return (
    <>
      <p className="total" role="status">
        {last.data ? counted(total, "request") : last.error ? "" : "reading the ledger"}
      </p>
      <Failure error={last.error} />
      {last.data && !total && <Nothing chosen={chosen} />}
      {/* biome-ignore lint/a11y/useSemanticElements: of 100,000 rows only those in sight are there */}
      <div
        className="rows"
        role="grid"
        aria-label="Requests"
        aria-rowcount={total}
        aria-busy={last.isFetching}
        tabIndex={0}
        ref={scroller}
        hidden={!total}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: the same */}
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
          {items.map((item) => (
            <Line
              key={item.key}
              row={rowAt(item.index)}
              index={item.index}
              top={item.start}
              height={height}
              selected={item.index === at}
              opened={opened}
              query={query}
              onSelect={() => setAt(item.index)}
            />
          ))}
        </div>
      </div>
    </>
  );
}

/** What is in sight stays where it is while new rows come above it; at the very top they are seen. */
function useStill(scroller: React.RefObject<HTMLDivElement | null>, total: number, height: number): void {
  const before = useRef(total);
  useLayoutEffect(() => {
    const more = total - before.current;
    const box = scroller.current;
    if (box && before.current && more > 0 && box.scrollTop > height) box.scrollTop += more * height;
    before.current = total;
  }, [total, height, scroller]);
}

/** The row at an index of the list. Pages are counted from the oldest row, so those that are full never change. */
function useRowAt(chosen: Record<string, string>, total: number, last: Page | undefined, indices: number[]) {
  const before = useRef({ total, pruned: 0 });
  if (total < before.current.total) before.current.pruned += 1; // the oldest went: every position has changed
  before.current.total = total;
  const { pruned } = before.current;
  const pageOf = (index: number) => Math.floor((total - 1 - index) / PAGE);
  const wanted = [...new Set(indices.map(pageOf))].filter(
    (page) => !last || page * PAGE < last.first, // the last answer has the others
  );
  const found = useQueries({
    queries: wanted.map((page) => ({
      queryKey: ["requests", chosen, "page", page, pruned],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        get<Page>("requests", { ...chosen, first: page * PAGE, most: PAGE }, signal),
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 60_000,
    })),
  });
  const pages = new Map(wanted.map((page, at) => [page, found[at]?.data]));
  return (index: number): Row | undefined => {
    const position = total - 1 - index;
    if (last && position >= last.first) return last.rows[position - last.first];
    const page = pages.get(pageOf(index));
    return page?.rows[position - page.first];
  };
}

interface LineProps {
  row: Row | undefined;
  index: number;
  top: number;
  height: number;
  selected: boolean;
  opened: string;
  query: Record<string, string>;
  onSelect: () => void;
}

function Line({ row, index, top, height, selected, opened, query, onSelect }: LineProps) {
  const open = row && row.id === opened;
  const cell = (name: string, content: React.ReactNode) => (
    // biome-ignore lint/a11y/useSemanticElements: of 100,000 rows only those in sight are there
    // biome-ignore lint/a11y/useFocusableInteractive: the row's link has the focus
    <span role="gridcell" className={name}>
      {content}
    </span>
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: the same
    // biome-ignore lint/a11y/useFocusableInteractive: the same
    // biome-ignore lint/a11y/useKeyWithClickEvents: j, k and Enter do it
    <div
      role="row"
      aria-rowindex={index + 1}
      aria-selected={selected}
      className={`row${open ? " open" : ""}`}
      style={{ position: "absolute", top: 0, left: 0, right: 0, height, transform: `translateY(${top}px)` }}
      onClick={() => {
        onSelect();
        if (row) go(hrefOf("requests", row.id, query));
      }}
    >
      {cell("when", row ? moment(row.at) : "…")}
      {cell("model", row?.model ?? "")}
      {cell("tier", row && <Badge row={row} />)}
      {cell("ms", row ? milliseconds(row.ms) : "")}
      {cell("tokens", row ? `${count(row.input_tokens)} / ${count(row.output_tokens)}` : "")}
      {cell("client", row?.client ?? "")}
      {cell(
        "prompt",
        row && (
          <a href={hrefOf("requests", row.id, query)} tabIndex={-1} onClick={(event) => event.stopPropagation()}>
            {row.prompt || row.id}
          </a>
        ),
      )}
    </div>
  );
}

function Badge({ row }: { row: Row }) {
  const said = row.error ? "error" : (row.tier ?? "miss");
  return <span className={`badge ${said}`}>{row.times > 1 ? `${said} ×${row.times}` : said}</span>;
}

function Nothing({ chosen }: { chosen: Record<string, string> }) {
  if (Object.values(chosen).some(Boolean)) return <p className="nothing">No request is like that.</p>;
  return (
    <p className="nothing">
      Nothing was asked yet. Try <code>samplemind ask "hello"</code>, or <a href="#/connect">connect a tool</a>.
    </p>
  );
}
