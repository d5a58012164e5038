import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { ApiError, openSession } from "./api";
import "./style.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      refetchOnWindowFocus: false,
      retry: (failed, error) => !(error instanceof ApiError && error.status < 500) && failed < 5,
    },
  },
});

async function begin(): Promise<void> {
  const refused = await openSession().then(
    () => null,
    (error: unknown) => error,
  );
  const root = document.getElementById("root");
  if (root)
    createRoot(root).render(
      <QueryClientProvider client={client}>
        <App refused={refused} />
      </QueryClientProvider>,
    );
}

begin();
