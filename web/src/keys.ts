/** Keys, by their names in lower case: each page says what its own do; typing into a field is nobody's command. */

import { useEffect, useRef } from "react";

export type Keys = Record<string, () => void>;

export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const at = event.target as HTMLElement;
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
      if (typing && event.key === "Escape") {
        event.preventDefault(); // a search field would be emptied
        at.blur();
      }
      if (typing || document.querySelector("dialog[open]")) return;
      if (event.key === "Enter" && /^(A|BUTTON|SUMMARY)$/.test(at.tagName)) return;
      const act = latest.current[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
