/** Where one is: `#/PAGE/ID?name=value`, so that every view can be linked to and the back button works. */

import { useSyncExternalStore } from "react";

export interface Route {
  page: string;
  id: string;
  query: Record<string, string>;
}

let current = read();

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/");
  return { page: page || "requests", id: plain(rest.join("/")), query: Object.fromEntries(new URLSearchParams(query)) };
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function subscribe(changed: () => void): () => void {
  const heard = () => {
    current = read();
    changed();
  };
  addEventListener("hashchange", heard);
  return () => removeEventListener("hashchange", heard);
}

export const useRoute = (): Route => useSyncExternalStore(subscribe, () => current);

export function hrefOf(page: string, id = "", query: Record<string, string> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const tail = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${tail}`;
}

/** Go there; `replace` leaves no step for the back button. */
export function go(href: string, replace = false): void {
  if (!replace) {
    location.hash = href;
    return;
  }
  history.replaceState(null, "", href);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
