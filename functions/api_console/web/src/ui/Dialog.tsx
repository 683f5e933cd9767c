import { type ReactNode, useEffect, useRef } from "react";

/** A dialog that keeps the keyboard inside of it, and gives the focus back when it is closed. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      <h2 style={{ marginTop: 0 }}>{title}</h2>
      {children}
    </dialog>
  );
}
