/** The head of a page: its title, in the window too, a lead and its buttons. */
import { useEffect, type ReactNode } from 'react';

export function PageHead({
  title,
  windowTitle = title,
  lead,
  children,
}: {
  title: string;
  /** What the browser's tab says, where several pages have the same title. */
  windowTitle?: string;
  lead?: ReactNode;
  children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${windowTitle} · Tally`;
  }, [windowTitle]);
  return (
    <div className="page-head">
      <div>
        <h1>{title}</h1>
        {lead !== undefined && <p className="quiet">{lead}</p>}
      </div>
      {children !== undefined && <div className="row">{children}</div>}
    </div>
  );
}
