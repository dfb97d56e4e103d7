import { create } from "zustand";
import { useFacts } from "@/lib/facts";
import { ApiError } from "./errors";
import { getJson } from "./http";
import { readSamplers, type Samplers } from "./samplers";
import type { Health, ModelList, SamplerList } from "./wire";

/** What this page knows of the server; `gone` after a health check that got no answer. */
export type Connection = "connecting" | "loading" | "ok" | "stopping" | "gone" | "locked";

interface ServerState {
  connection: Connection;
  model: string | null;
  /** The name to send as `model`. */
  modelId: string;
  rows: number;
  queue: number;
  samplers: Samplers | null;
}

export const useServer = create<ServerState>(() => ({
  connection: "connecting",
  model: null,
  modelId: "",
  rows: 0,
  queue: 0,
  samplers: null,
}));

const SECONDS = { connecting: 1, loading: 1, gone: 2, stopping: 2, locked: 30, ok: 10 } as const;

async function loadDetails(): Promise<Partial<ServerState>> {
  const [models, samplers] = await Promise.all([getJson<ModelList>("v1/models"), loadSamplers()]);
  return { modelId: models.data[0]?.id ?? "", samplers: readSamplers(samplers) };
}

let factsRead = false;

/** What is said of the samplers; what does not hang on the model is passed on at once. */
async function loadSamplers(): Promise<SamplerList> {
  const samplers = await getJson<SamplerList>("v1/samplers");
  const { quadrants, metrics, system_prompt } = samplers;
  useFacts.setState({ quadrants, metrics, system_prompt });
  factsRead = true;
  return samplers;
}

/** A dev proxy in front of a server that is down answers 500 or 502 itself: the same as no answer. */
function connectionOf(error: unknown): Connection {
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return "locked";
  if (error instanceof ApiError && error.status === 503) return "loading";
  return "gone";
}

/** Asks the server once how it is. After it was away, its models and samplers are read anew. */
export async function checkServer(): Promise<void> {
  const before = useServer.getState();
  try {
    const health = await getJson<Health>("health", AbortSignal.timeout(5000));
    const { status, model, rows = 0, queue = 0 } = health;
    const stale = before.connection !== "ok" || before.samplers === null || before.model !== model;
    const details = status === "ok" && stale ? await loadDetails() : {};
    if (!factsRead) await loadSamplers();
    useServer.setState({ connection: status, model, rows, queue, ...details });
  } catch (error) {
    useServer.setState({ connection: connectionOf(error), rows: 0, queue: 0 });
  }
}

/** Polls /health, slowly while all is well, and stops when the returned function is called. */
export function watchServer(): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let ended = false;
  const schedule = () => {
    clearTimeout(timer); // another tick may have run meanwhile
    if (!ended) timer = setTimeout(tick, SECONDS[useServer.getState().connection] * 1000);
  };
  const tick = async () => {
    if (!document.hidden) await checkServer();
    schedule();
  };
  // An answer that was cut off may be the first to know: from then on the pace is that of a server that is gone.
  const unsubscribe = useServer.subscribe(
    (now, before) => now.connection !== before.connection && schedule(),
  );
  const onVisible = () => void (document.hidden ? undefined : tick());
  document.addEventListener("visibilitychange", onVisible);
  window.addEventListener("online", onVisible);
  void tick();
  return () => {
    ended = true;
    clearTimeout(timer);
    unsubscribe();
    document.removeEventListener("visibilitychange", onVisible);
    window.removeEventListener("online", onVisible);
  };
}

/** Resolves once the server's model and samplers are known; rejects with an AbortError when `signal` is aborted. */
export function serverKnown(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const known = () => useServer.getState().samplers !== null;
    if (known()) return resolve();
    const unsubscribe = useServer.subscribe(() => {
      if (!known()) return;
      unsubscribe();
      resolve();
    });
    signal.addEventListener("abort", () => {
      unsubscribe();
      reject(new DOMException("Aborted", "AbortError"));
    });
  });
}
