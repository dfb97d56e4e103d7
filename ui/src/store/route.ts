import { useEffect } from "react";
import { create } from "zustand";
import { openConversation, useChats } from "./chats";

/** Where the page is: kept in the address's fragment, so that a reload and the back button find it again. */
export type Screen = "chat" | "pair";

export const useRoute = create<{ screen: Screen }>(() => ({ screen: "chat" }));

function read(): { screen: Screen; id: string | null } {
  const hash = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
  if (hash === "side-by-side") return { screen: "pair", id: null };
  return { screen: "chat", id: hash.startsWith("c/") ? hash.slice(2) : null };
}

export function goTo(id: string | null): void {
  location.hash = id ? `/c/${id}` : "/";
}

export function goToPair(): void {
  location.hash = "/side-by-side";
}

/** Follows the address; a conversation with a pair is shown side by side. */
export function useRouting(): void {
  const ready = useChats((s) => s.ready);
  useEffect(() => {
    if (!ready) return;
    const follow = () => {
      const { screen, id } = read();
      void openConversation(id).then(() => {
        const { conversations, currentId } = useChats.getState();
        const pair = currentId !== null && conversations[currentId]?.pair !== undefined;
        useRoute.setState({ screen: pair ? "pair" : screen });
      });
    };
    follow();
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, [ready]);
}
