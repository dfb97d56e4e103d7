import { Dialog } from "@base-ui/react/dialog";
import clsx from "clsx";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "./controls";

const sides = {
  centre:
    "inset-0 m-auto h-fit max-h-[min(88dvh,760px)] w-[min(92vw,560px)] rounded-xl data-starting-style:opacity-0 data-ending-style:opacity-0",
  wide: "inset-0 m-auto h-fit max-h-[min(88dvh,820px)] w-[min(94vw,760px)] rounded-xl data-starting-style:opacity-0 data-ending-style:opacity-0",
  left: "inset-y-0 left-0 w-[min(86vw,300px)] data-starting-style:-translate-x-full data-ending-style:-translate-x-full",
  bottom:
    "inset-x-0 bottom-0 h-[72dvh] rounded-t-xl data-starting-style:translate-y-full data-ending-style:translate-y-full",
};

/** A modal: in the centre, as a drawer from the left, or as a sheet from below. Escape and the backdrop close it. */
export function Modal({
  open,
  onClose,
  title,
  side = "centre",
  hideTitle = false,
  children,
}: {
  open: boolean;
  onClose: () => void;
  title: string;
  side?: keyof typeof sides;
  hideTitle?: boolean;
  children: ReactNode;
}) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/35 transition-opacity duration-120 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Dialog.Popup
          data-modal
          className={clsx(
            "fixed z-50 flex flex-col overflow-hidden border border-line bg-page shadow-float outline-none transition-[opacity,transform] duration-120",
            sides[side],
          )}
        >
          {hideTitle ? (
            <Dialog.Title className="sr-only">{title}</Dialog.Title>
          ) : (
            <header className="flex shrink-0 items-center justify-between border-b border-line py-2 pr-2 pl-5">
              <Dialog.Title className="text-[15px] font-semibold">{title}</Dialog.Title>
              <Dialog.Close render={<IconButton icon={X} label="Close" />} />
            </header>
          )}
          <div
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
            tabIndex={0}
            className="min-h-0 flex-1 overflow-y-auto overscroll-contain -outline-offset-2"
          >
            {children}
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
