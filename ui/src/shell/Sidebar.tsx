import clsx from "clsx";
import { CircleHelp, Columns2, Download, Monitor, Moon, Plus, Search, Sun, Upload } from "lucide-react";
import { lazy, Suspense, useDeferredValue, useEffect, useMemo, useState } from "react";
import { Button, IconButton, inputLook } from "@/kit/controls";
import { chooseFile, download } from "@/kit/files";
import { attempt, notify } from "@/kit/notices";
import { updateConversation, useChats } from "@/store/chats";
import { searchConversations } from "@/store/db";
import type { Conversation } from "@/store/model";
import { goTo, goToPair, useRoute } from "@/store/route";
import { type Theme, useOverlays, useSettings } from "@/store/settings";
import { exportConversations, importConversations } from "@/store/transfer";

const RowMenu = lazy(() => import("./RowMenu"));

async function importFile(): Promise<void> {
  const text = await chooseFile("application/json,.json");
  if (text === null) return;
  const ids = await importConversations(text);
  notify(ids.length === 1 ? "Imported one conversation." : `Imported ${ids.length} conversations.`);
  if (ids[0]) goTo(ids[0]);
}

function Row({ conversation, current }: { conversation: Conversation; current: boolean }) {
  const [name, setName] = useState<string | null>(null);
  const save = () => {
    if (name?.trim()) updateConversation(conversation.id, { title: name.trim() });
    setName(null);
  };
  if (name !== null)
    return (
      <input
        // biome-ignore lint/a11y/noAutofocus: the person just asked to rename this
        autoFocus
        aria-label="New name"
        className={`${inputLook} h-8 w-full`}
        value={name}
        onChange={(event) => setName(event.target.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === "Enter") save();
          if (event.key === "Escape") setName(null);
        }}
      />
    );
  return (
    <div
      className={clsx(
        "group/row flex items-center rounded-md pr-0.5",
        current ? "bg-line/80" : "hover:bg-line/50",
      )}
    >
      <a
        href={`#/c/${conversation.id}`}
        aria-current={current ? "page" : undefined}
        className="flex h-8 min-w-0 flex-1 items-center gap-2 pl-2.5 text-sm"
        onClick={() => useOverlays.setState({ drawer: false })}
      >
        {conversation.pair && (
          <Columns2 size={13} className="shrink-0 text-faint" aria-label="Side by side" />
        )}
        <span className="truncate">{conversation.title}</span>
      </a>
      <Suspense fallback={<span className="size-7" />}>
        <RowMenu conversation={conversation} current={current} rename={() => setName(conversation.title)} />
      </Suspense>
    </div>
  );
}

const THEMES: Record<Theme, { icon: typeof Sun; label: string; next: Theme }> = {
  system: { icon: Monitor, label: "Theme: as the system", next: "light" },
  light: { icon: Sun, label: "Theme: light", next: "dark" },
  dark: { icon: Moon, label: "Theme: dark", next: "system" },
};

function Foot({ ids }: { ids: string[] }) {
  const theme = THEMES[useSettings((s) => s.theme)];
  const exportAll = async () => download("entropix-conversations.json", await exportConversations(ids));
  return (
    <footer className="flex items-center border-t border-line px-2 py-1.5">
      <IconButton
        icon={theme.icon}
        label={theme.label}
        onClick={() => useSettings.setState({ theme: theme.next })}
      />
      <IconButton
        icon={CircleHelp}
        label="Help"
        keys="?"
        onClick={() => useOverlays.setState({ help: true })}
      />
      <span className="ml-auto" />
      <IconButton icon={Upload} label="Import conversations" onClick={() => void attempt(importFile)} />
      <IconButton
        icon={Download}
        label="Export all conversations"
        disabled={ids.length === 0}
        onClick={() => void attempt(exportAll)}
      />
    </footer>
  );
}

/** Conversations that match what is searched, newest first; null query: all. */
function useFound(query: string): Conversation[] {
  const conversations = useChats((s) => s.conversations);
  const [found, setFound] = useState<Set<string> | null>(null);
  useEffect(() => {
    if (!query.trim()) return setFound(null);
    let late = false;
    searchConversations(query.trim()).then(
      (ids) => !late && setFound(ids),
      () => undefined,
    );
    return () => {
      late = true;
    };
  }, [query]);
  return useMemo(() => {
    const all = Object.values(conversations).sort((a, b) => b.updated - a.updated);
    return found ? all.filter((c) => found.has(c.id)) : all;
  }, [conversations, found]);
}

/** The left column: new, search, the list, and what concerns all of them. */
export function Sidebar() {
  const [query, setQuery] = useState("");
  const found = useFound(useDeferredValue(query));
  const all = useChats((s) => s.conversations);
  const currentId = useChats((s) => s.currentId);
  const screen = useRoute((s) => s.screen);
  const close = () => useOverlays.setState({ drawer: false });
  const empty = Object.keys(all).length === 0;
  return (
    <nav aria-label="Conversations" className="flex h-full flex-col bg-panel">
      <div className="space-y-2 p-2">
        <div className="flex gap-1.5">
          <Button
            className="flex-1"
            title="New conversation (Ctrl Shift O)"
            onClick={() => {
              goTo(null);
              close();
            }}
          >
            <Plus size={15} aria-hidden /> New
          </Button>
          <Button
            className="px-2.5! whitespace-nowrap"
            aria-pressed={screen === "pair" && currentId === null}
            onClick={() => {
              goToPair();
              close();
            }}
          >
            <Columns2 size={15} aria-hidden /> Side by side
          </Button>
        </div>
        {!empty && (
          <div className="relative">
            <Search size={14} className="absolute top-2.5 left-2.5 text-faint" aria-hidden />
            <input
              id="search"
              type="search"
              aria-label="Search conversations"
              placeholder="Search"
              className={`${inputLook} h-8 w-full pl-8`}
              value={query}
              onChange={(event) => setQuery(event.target.value)}
            />
          </div>
        )}
      </div>
      <ul className="min-h-0 flex-1 space-y-px overflow-y-auto px-2 pb-2">
        {found.map((conversation) => (
          <li key={conversation.id}>
            <Row conversation={conversation} current={conversation.id === currentId} />
          </li>
        ))}
        {found.length === 0 && (
          <li className="px-2.5 py-2 text-[13px] text-muted">
            {empty ? "Conversations appear here. They stay in this browser." : `Nothing matches “${query}”.`}
          </li>
        )}
      </ul>
      <Foot ids={Object.keys(all)} />
    </nav>
  );
}
