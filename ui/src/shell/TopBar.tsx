import { PanelLeft, PanelRight } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type Connection, useServer } from "@/api/server";
import { IconButton } from "@/kit/controls";
import { useDesk } from "@/kit/media";
import { useChats } from "@/store/chats";
import { useCurrent, useSamplerSettings, useUnderWay } from "@/store/current";
import { changesIn } from "@/store/model";
import { useOverlays, useSettings } from "@/store/settings";

const STATES: Record<Connection, { text: string; colour: string }> = {
  connecting: { text: "connecting", colour: "bg-faint" },
  loading: { text: "loading", colour: "bg-warn" },
  ok: { text: "ready", colour: "bg-good" },
  stopping: { text: "stopping", colour: "bg-warn" },
  gone: { text: "offline", colour: "bg-danger" },
  locked: { text: "key needed", colour: "bg-danger" },
};

/** Tokens a second over the last two seconds or so, all streaming answers of the conversation and their paths together. */
function Speed({ ids }: { ids: string[] }) {
  const [speed, setSpeed] = useState<number | null>(null);
  const latest = useRef(ids);
  latest.current = ids;
  useEffect(() => {
    const samples: [time: number, tokens: number][] = [];
    const timer = setInterval(() => {
      const { answers, trees } = useChats.getState();
      const written = (id: string) =>
        trees[id]?.paths.reduce((n, path) => n + path.count, 0) ?? answers[id]?.tokens.length ?? 0;
      const tokens = latest.current.reduce((n, id) => n + written(id), 0);
      samples.push([performance.now(), tokens]);
      if (samples.length > 5) samples.shift();
      const [first, last] = [samples[0], samples.at(-1)];
      if (!first || !last || last[1] <= first[1]) return;
      setSpeed(((last[1] - first[1]) / (last[0] - first[0])) * 1000);
    }, 400);
    return () => clearInterval(timer);
  }, []);
  if (speed === null) return null;
  return <span className="num whitespace-nowrap text-muted">{speed.toFixed(1)} tok/s</span>;
}

function shortName(model: string): string {
  return model.split("/").at(-1) ?? model;
}

export function toggleSidebar(desk: boolean): void {
  if (desk) useSettings.setState((s) => ({ sidebar: !s.sidebar }));
  else useOverlays.setState((s) => ({ drawer: !s.drawer }));
}

export function toggleInspector(desk: boolean): void {
  if (desk) useSettings.setState((s) => ({ inspector: !s.inspector }));
  else useOverlays.setState((s) => ({ sheet: !s.sheet }));
}

/** The hairline bar: model, sampler, speed while streaming, connection. */
export function TopBar() {
  const desk = useDesk();
  const { connection, model } = useServer();
  const { sidebar, inspector } = useSettings();
  const { drawer, sheet } = useOverlays();
  const underWay = useUnderWay(useCurrent()?.id ?? null);
  const [sampler] = useSamplerSettings();
  const changed = changesIn(sampler) > 0;
  const state = STATES[connection];
  const openSampler = () => {
    useSettings.setState({ tab: "sampler", inspector: true });
    useOverlays.setState({ sheet: true });
  };
  return (
    <header className="flex h-11 shrink-0 [&_button]:-outline-offset-2 items-center gap-2 border-b border-line px-2 text-[13px]">
      <IconButton
        icon={PanelLeft}
        label="Conversations"
        keys="Ctrl B"
        aria-expanded={desk ? sidebar : drawer}
        onClick={() => toggleSidebar(desk)}
      />
      {model && (
        <>
          <span className="min-w-0 truncate font-medium" title={model}>
            {shortName(model)}
          </span>
          <span className="text-line-strong" aria-hidden>
            /
          </span>
        </>
      )}
      <button
        type="button"
        className="flex h-8 items-center gap-1.5 rounded-md px-1.5 text-muted hover:bg-line/60 hover:text-ink"
        onClick={openSampler}
        title="Open the sampler panel"
      >
        {sampler.preset}
        {changed && (
          <>
            <span className="size-1.5 rounded-full bg-accent" aria-hidden />
            <span className="sr-only">changed</span>
          </>
        )}
        {sampler.forks && <span className="max-sm:hidden">· forks: {sampler.forks.policy}</span>}
      </button>
      <div className="ml-auto flex items-center gap-3">
        {underWay.length > 0 && <Speed ids={underWay} />}
        <span className="flex items-center gap-1.5 text-muted" role="status">
          <span className={`size-2 rounded-full ${state.colour}`} aria-hidden />
          <span className="max-sm:sr-only">{state.text}</span>
        </span>
        <IconButton
          icon={PanelRight}
          label="Inspector"
          keys="Ctrl ."
          aria-expanded={desk ? inspector : sheet}
          onClick={() => toggleInspector(desk)}
        />
      </div>
    </header>
  );
}
