import { type ReactNode, useEffect, useRef } from "react";

/** A dialog that keeps the keyboard inside of it, and gives the focus back when it is closed. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // A dialog that is taken out of the page gives nothing back by itself; the button that opened it may be gone, too.
      if (opener instanceof HTMLElement && opener.isConnected && opener !== document.body) opener.focus();
      else document.getElementById("main")?.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      <h2 style={{ marginTop: 0 }}>{title}</h2>
      {children}
    </dialog>
  );
}

/** The end of a dialog's form: to do what it says, or to leave it. */
export function Buttons({ act, close, isBusy }: { act: string; close: () => void; isBusy: boolean }) {
  return (
    <p className="row" style={{ justifyContent: "flex-end" }}>
      <button type="button" onClick={close}>
        Leave it
      </button>
      <button type="submit" className="primary" disabled={isBusy}>
        {act}
      </button>
    </p>
  );
}
