import { useEffect } from "react";
import { focusComposer } from "@/chat/Composer";
import { TABS } from "@/inspector/tabs";
import { useChats } from "@/store/chats";
import { stop } from "@/store/generation";
import { goTo } from "@/store/route";
import { useOverlays, useSettings } from "@/store/settings";
import { underWayIn } from "@/store/status";
import { toggleInspector, toggleSidebar } from "./TopBar";

/** The shortcuts as the help panel lists them. Ctrl is ⌘ on a Mac. */
export const SHORTCUTS: readonly [keys: string, what: string][] = [
  ["Enter · Shift Enter", "Send · new line"],
  ["Esc", "Stop the answer; close what is open"],
  ["/", "Write a message"],
  ["Ctrl Shift O", "New conversation"],
  ["Ctrl K", "Search conversations"],
  ["Ctrl B · Ctrl .", "Conversations · inspector"],
  ["Alt 1 to Alt 5", "Inspector tabs"],
  ["V", "Tokens or reading view"],
  ["← →", "In an answer: from token to token"],
  ["Shift ← →", "In an answer: to the next uncertain token"],
  ["?", "This panel"],
];

function stopAll(): boolean {
  const { currentId, messages, trees } = useChats.getState();
  const shown = (currentId && messages[currentId]) || {};
  const ids = [...underWayIn(shown), ...Object.keys(trees).filter((id) => shown[id])];
  ids.forEach(stop);
  return ids.length > 0;
}

function focusSearch(desk: boolean): void {
  if (desk) useSettings.setState({ sidebar: true });
  else useOverlays.setState({ drawer: true });
  requestAnimationFrame(() => document.getElementById("search")?.focus());
}

function withControl(event: KeyboardEvent, desk: boolean): (() => void) | undefined {
  const key = event.key.toLowerCase();
  if (event.shiftKey) return key === "o" ? () => goTo(null) : undefined;
  const actions: Record<string, () => void> = {
    k: () => focusSearch(desk),
    b: () => toggleSidebar(desk),
    ".": () => toggleInspector(desk),
  };
  return actions[key];
}

function alone(event: KeyboardEvent): (() => void) | undefined {
  const actions: Record<string, () => void> = {
    "/": focusComposer,
    "?": () => useOverlays.setState({ help: true }),
    v: () => useSettings.setState((s) => ({ view: s.view === "tokens" ? "reading" : "tokens" })),
  };
  return actions[event.key];
}

function actionFor(event: KeyboardEvent, desk: boolean): (() => unknown) | undefined {
  if (event.key === "Escape") return stopAll;
  if (event.ctrlKey || event.metaKey) return event.altKey ? undefined : withControl(event, desk);
  const tab = event.altKey ? TABS[Number(event.code.replace("Digit", "")) - 1] : undefined;
  if (tab) return () => useSettings.setState({ tab: tab.value, inspector: true });
  const target = event.target as HTMLElement;
  const typing = target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
  return event.altKey || typing ? undefined : alone(event);
}

export function useShortcuts(desk: boolean): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      // A dialog or menu that is open has the keys to itself, Escape above all.
      if (event.defaultPrevented || document.querySelector("[data-modal], [role='menu']")) return;
      const action = actionFor(event, desk);
      if (!action) return;
      if (event.key !== "Escape") event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [desk]);
}
