/** Where there is nothing to show: what would be here, and how it gets here. */
import type { ReactNode } from 'react';

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="strong">{title}</p>
      {children !== undefined && <p className="quiet">{children}</p>}
    </div>
  );
}
