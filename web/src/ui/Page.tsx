import { type ReactNode, useEffect } from "react";

interface PageProps {
  title: ReactNode;
  /** Title of the browser's tab when title is not plain text. Never a patient's name: tabs are seen by others. */
  tab?: string;
  actions?: ReactNode;
  children: ReactNode;
  wide?: boolean;
  /** No heading of its own: the content begins with the patient band and has the h1. */
  bare?: boolean;
}

export function Page({ title, tab, actions, children, wide, bare }: PageProps) {
  const text = tab ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = text ? `${text} · Consilium` : "Consilium";
  }, [text]);
  return (
    <main id="main" className={["page", wide && "page-wide", bare && "page-bare"].filter(Boolean).join(" ")} tabIndex={-1}>
      {!bare && (
        <header className="page-head">
          <h1>{title}</h1>
          {actions && <div className="page-actions">{actions}</div>}
        </header>
      )}
      {children}
    </main>
  );
}
