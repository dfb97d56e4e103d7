import { useEffect, useState } from "react";
import { apiKey } from "@/api/http";
import { type Connection, checkServer, useServer } from "@/api/server";
import { Button, inputLook } from "@/kit/controls";
import { useChats } from "@/store/chats";

const SENTENCES: Partial<Record<Connection, string>> = {
  loading: "The model is loading. You can write already; the answer comes when it is ready.",
  stopping: "The server is stopping. Answers that are being written end here.",
  gone: "The server is not answering. Your conversations are kept in this browser.",
  locked: "The server asks for a key.",
};

function KeyForm() {
  const [key, setKey] = useState("");
  const [refused, setRefused] = useState(false);
  return (
    <form
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        apiKey.set(key.trim());
        setRefused(false);
        // Where it is right, this form is gone by then.
        void checkServer().then(() => setRefused(true));
      }}
    >
      <input
        aria-label="Key of the server"
        type="password"
        autoComplete="off"
        className={`${inputLook} h-8 w-48`}
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
      <Button type="submit" disabled={!key.trim()}>
        Connect
      </Button>
      {refused && <p className="text-danger">The server does not take this key.</p>}
    </form>
  );
}

function Retry() {
  const [busy, setBusy] = useState(false);
  return (
    <Button
      disabled={busy}
      onClick={() => {
        setBusy(true);
        void checkServer().finally(() => setBusy(false));
      }}
    >
      {busy ? "Trying…" : "Try again"}
    </Button>
  );
}

/** What is wrong with the server or the browser's storage, and the one next thing to do. */
export function ServerBanner() {
  const connection = useServer((s) => s.connection);
  const storageError = useChats((s) => s.storageError);
  const [late, setLate] = useState(false);
  // A short gap (a restart, a slow first answer) is not worth a banner.
  useEffect(() => {
    setLate(false);
    const timer = setTimeout(() => setLate(true), connection === "gone" ? 0 : 600);
    return () => clearTimeout(timer);
  }, [connection]);
  const sentence = late ? SENTENCES[connection] : undefined;
  if (!sentence && !storageError) return null;
  return (
    <div role="status" className="shrink-0 border-b border-line bg-panel px-4 py-2 text-sm">
      {sentence && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <p className={connection === "gone" ? "text-danger" : ""}>{sentence}</p>
          {connection === "gone" && (
            <>
              <p className="text-muted">
                Start it with <code className="num text-[13px] text-ink">uv run mlx_server.py</code>
              </p>
              <Retry />
            </>
          )}
          {connection === "locked" && <KeyForm />}
        </div>
      )}
      {storageError && <p className="text-warn">{storageError}</p>}
    </div>
  );
}
