/**
 * Several tabs of this page share one database. A tab holds a lock named after each answer that it writes; the browser
 * lets go of it when the tab is closed, reloaded or crashes, so that a held lock is as good as a sign of life.
 *
 * Locks exist in secure contexts only (localhost is one, plain HTTP on a LAN is none): without them, an unfinished answer
 * of another tab is taken for interrupted.
 */
const PREFIX = "entropix.answer.";
const locks = () => globalThis.navigator?.locks;

/** Says to all tabs that this one writes the answer, until the returned function is called. */
export function holdAnswer(id: string): () => void {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  // A browser that forbids locks must not lose the answer for it.
  locks()
    ?.request(PREFIX + id, () => released)
    .catch(() => undefined);
  return release;
}

/** The ids of the answers that some tab, this one included, is writing now. */
export async function heldAnswers(): Promise<Set<string>> {
  const held =
    (
      await locks()
        ?.query()
        .catch(() => undefined)
    )?.held ?? [];
  const names = held.flatMap(({ name, mode }) => (mode === "exclusive" && name ? [name] : []));
  return new Set(names.filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length)));
}

/** Calls back once no tab writes the answer any more; returns how to call it off. */
export function whenReleased(id: string, then: () => void): () => void {
  const waiting = new AbortController();
  locks()
    ?.request(PREFIX + id, { mode: "shared", signal: waiting.signal }, then)
    .catch(() => undefined);
  return () => waiting.abort();
}

const CHANNEL = "entropix.stop";

/** Asks the tab that writes the answer to stop. */
export function askToStop(id: string): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(id);
  channel.close();
}

/** Hears what other tabs want stopped, until the returned function is called. */
export function onAskedToStop(stop: (id: string) => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }) => stop(String(data));
  return () => channel.close();
}
