/** The sums over the ledger that two pages show. */

import { useQuery } from "@tanstack/react-query";
import { get } from "../api";

export interface Group {
  name: string;
  calls: number;
  hits: number;
  errors: number;
  input_tokens: number;
  output_tokens: number;
  hit_rate: number | null;
  dollars_spent: number;
  dollars_saved: number;
  seconds_saved: number;
  p50_ms: number | null;
  p95_ms: number | null;
}

interface Sums {
  total: Group;
  groups: Group[];
  note: string;
}

export const useSums = (since: string, by: string) =>
  useQuery({
    queryKey: ["sums", since, by],
    queryFn: ({ signal }) => get<Sums>("sums", { since, by }, signal),
    staleTime: 15_000,
    placeholderData: (before) => before,
  });
