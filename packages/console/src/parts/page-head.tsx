/** The head of a page: its title, in the window too, a lead and its buttons. */
import { useEffect, type ReactNode } from 'react';

export function PageHead({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: ReactNode;
  children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Tally`;
  }, [title]);
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
