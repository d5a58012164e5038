/** The frame: where one can go, whether the server is there, and which keys there are. */

import { useEffect, useRef, useState } from "react";
import { useKeys } from "./keys";
import { Live, useConnection, useStream } from "./live";
import { Benches } from "./pages/Benches";
import { Cache } from "./pages/Cache";
import { Connect } from "./pages/Connect";
import { Models } from "./pages/Models";
import { Money } from "./pages/Money";
import { Requests } from "./pages/Requests";
import { Stack } from "./pages/Stack";
import { Try } from "./pages/Try";
import { go, hrefOf, useRoute } from "./route";
import { Failure } from "./ui";

const PAGES = {
  requests: { title: "Requests", Page: Requests },
  cache: { title: "Cache", Page: Cache },
  money: { title: "Money", Page: Money },
  try: { title: "Try it", Page: Try },
  models: { title: "Models", Page: Models },
  stack: { title: "Stack", Page: Stack },
  benches: { title: "Benches", Page: Benches },
  connect: { title: "Connect", Page: Connect },
};
const TOPICS: Record<string, string> = { models: "models", stack: "stack" }; // the others' is "requests"
const KEYS: [string, string][] = [
  ["/", "search"],
  ["j, k", "the next, the previous row"],
  ["Enter", "open it"],
  ["Escape", "close it, or leave a field"],
  ["g", "the newest row"],
  ["1 … 8", "another page"],
  ["?", "this list"],
];
const SAID = {
  connecting: "connecting",
  live: "live",
  lost: "serve does not answer; trying again",
  refused: "no session: samplemind dashboard opens one",
};

export function App({ refused }: { refused: unknown }) {
  const route = useRoute();
  const connection = useConnection();
  const live = useStream(TOPICS[route.page] ?? "requests");
  const [help, setHelp] = useState(false);
  const { title, Page } = PAGES[route.page as keyof typeof PAGES] ?? PAGES.requests;
  const numbered = Object.keys(PAGES).map((page, at) => [String(at + 1), () => go(hrefOf(page))]);
  useKeys({ "?": () => setHelp((shown) => !shown), ...Object.fromEntries(numbered) });
  useEffect(() => {
    document.title = `${title} · samplemind`;
  }, [title]);
  return (
    <Live value={live}>
      <header>
        <a className="name" href="#/requests">
          samplemind
        </a>
        <nav aria-label="Pages">
          {Object.entries(PAGES).map(([page, told]) => (
            <a key={page} href={hrefOf(page)} aria-current={told.title === title ? "page" : undefined}>
              {told.title}
            </a>
          ))}
        </nav>
        <span className={`connection ${connection}`} role="status">
          {SAID[connection]}
        </span>
        <button type="button" className="keys" aria-label="Keys" onClick={() => setHelp(true)}>
          ?
        </button>
      </header>
      <main>
        <h1>{title}</h1>
        <Failure error={refused} />
        <Page />
      </main>
      {help && <Help close={() => setHelp(false)} />}
    </Live>
  );
}

function Help({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="keys">
      <h2 id="keys">Keys</h2>
      <dl className="facts">
        {KEYS.map(([key, told]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{told}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
