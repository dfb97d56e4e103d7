import { Popover } from "@base-ui/react/popover";
import type { ReactNode } from "react";

/** The link's target where it is one that a person may follow: http, https or mailto, absolute. */
export function safeTarget(href: string | undefined): URL | null {
  try {
    const url = new URL(href ?? "");
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/**
 * A link in a model's output. A click shows where it leads; a second one goes there. What the model wrote as the
 * link's text may say anything.
 */
export function SafeLink({ href, children }: { href?: string; children?: ReactNode }) {
  const url = safeTarget(href);
  if (!url) return <span className="underline decoration-dotted">{children}</span>;
  const place = url.protocol === "mailto:" ? url.pathname : url.host;
  return (
    <Popover.Root>
      <Popover.Trigger
        nativeButton={false}
        render={<span className="cursor-pointer underline decoration-faint underline-offset-2" />}
      >
        {children}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} className="z-50">
          <Popover.Popup className="max-w-80 rounded-lg border border-line bg-raised p-3 text-sm shadow-float">
            <p className="text-muted">The model wrote this link. It leads to</p>
            <p className="my-1 font-semibold break-all">{place}</p>
            <p className="num mb-2 max-h-20 overflow-y-auto text-xs break-all text-muted">{url.href}</p>
            <a
              href={url.href}
              target="_blank"
              rel="noopener noreferrer nofollow"
              className="font-medium text-accent underline underline-offset-2"
            >
              Open in a new tab
            </a>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
