import { lazy, Suspense, useEffect } from "react";
import { Group, Panel, Separator } from "react-resizable-panels";
import { useServer, watchServer } from "@/api/server";
import { ChatView } from "@/chat/ChatView";
import { Modal } from "@/kit/dialog";
import { useDesk } from "@/kit/media";
import { Notices, notify } from "@/kit/notices";
import { openStore, useChats } from "@/store/chats";
import { useCurrent } from "@/store/current";
import { followConversation, followConversations } from "@/store/follow";
import { goTo, useRoute, useRouting } from "@/store/route";
import { followServer, useOverlays, useSettings } from "@/store/settings";
import { ServerBanner } from "./ServerBanner";
import { Sidebar } from "./Sidebar";
import { useShortcuts } from "./shortcuts";
import { TopBar } from "./TopBar";
import { useTheme } from "./theme";

const Inspector = lazy(() => import("@/inspector/Inspector").then((m) => ({ default: m.Inspector })));
const SideBySide = lazy(() => import("@/sidebyside/SideBySide"));
const HelpPanel = lazy(() => import("./HelpPanel"));

function Middle() {
  const screen = useRoute((s) => s.screen);
  return (
    <main className="h-full min-h-0">
      {screen === "pair" ? (
        <Suspense>
          <SideBySide />
        </Suspense>
      ) : (
        <ChatView />
      )}
    </main>
  );
}

/** Three columns: the conversations at a fixed width, the chat and the inspector with a border to drag. */
function Desk() {
  const { sidebar, inspector, inspectorSize } = useSettings();
  return (
    <div className="flex min-h-0 flex-1">
      {sidebar && (
        <div className="w-[260px] shrink-0 border-r border-line">
          <Sidebar />
        </div>
      )}
      <Group
        className="min-w-0 flex-1"
        onLayoutChanged={(layout) => {
          const size = layout.inspector;
          if (size) useSettings.setState({ inspectorSize: size });
        }}
      >
        <Panel id="middle" minSize="320px">
          <Middle />
        </Panel>
        {inspector && (
          <>
            <Separator
              aria-label="Width of the inspector"
              className="w-px bg-line outline-offset-0 transition-colors after:absolute after:inset-y-0 after:-inset-x-1 relative hover:bg-line-strong focus-visible:bg-accent data-[separator=active]:bg-accent"
            />
            <Panel id="inspector" minSize="300px" defaultSize={`${inspectorSize}%`}>
              <Suspense>
                <Inspector />
              </Suspense>
            </Panel>
          </>
        )}
      </Group>
    </div>
  );
}

/** Under 900 px: the chat alone; the conversations are a drawer and the inspector a sheet. */
function Phone() {
  const { drawer, sheet } = useOverlays();
  return (
    <div className="min-h-0 flex-1">
      <Middle />
      <Modal
        open={drawer}
        onClose={() => useOverlays.setState({ drawer: false })}
        title="Conversations"
        side="left"
        hideTitle
      >
        <Sidebar />
      </Modal>
      <Modal
        open={sheet}
        onClose={() => useOverlays.setState({ sheet: false })}
        title="Inspector"
        side="bottom"
      >
        <Suspense>
          <Inspector />
        </Suspense>
      </Modal>
    </div>
  );
}

function useTitle(): void {
  const title = useCurrent()?.title;
  useEffect(() => {
    document.title = title ? `${title} · entropix` : "entropix";
  }, [title]);
}

/** Keeps what is shown as other tabs of this page change it. */
function useOtherTabs(): void {
  const ready = useChats((s) => s.ready);
  const currentId = useChats((s) => s.currentId);
  useEffect(() => {
    if (!ready) return;
    return followConversations(() => {
      notify("This conversation was deleted in another tab.");
      goTo(null);
    });
  }, [ready]);
  useEffect(() => (currentId ? followConversation(currentId) : undefined), [currentId]);
}

export function App() {
  const desk = useDesk();
  const ready = useChats((s) => s.ready);
  const help = useOverlays((s) => s.help);
  useTheme();
  useRouting();
  useTitle();
  useShortcuts(desk);
  useOtherTabs();
  useEffect(() => void openStore(), []);
  useEffect(watchServer, []);
  const serverSampler = useServer((s) => s.samplers?.defaultName);
  useEffect(() => {
    if (serverSampler) followServer(serverSampler);
  }, [serverSampler]);
  return (
    <div className="flex h-dvh flex-col">
      <TopBar />
      <ServerBanner />
      {ready && (desk ? <Desk /> : <Phone />)}
      {help && (
        <Suspense>
          <HelpPanel />
        </Suspense>
      )}
      <Notices />
    </div>
  );
}
