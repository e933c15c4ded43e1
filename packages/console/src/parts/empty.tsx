/** Says that there is nothing to show, and what would put something here. */
import type { ReactNode } from 'react';

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="strong">{title}</p>
      {children !== undefined && <p className="quiet">{children}</p>}
    </div>
  );
}
