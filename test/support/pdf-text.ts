/** What a reader finds in a PDF, read by Mozilla's own. */
import { getDocumentProxy } from 'unpdf';

export type PdfText = {
  /** The texts of each page, in the order in which they were drawn. */
  readonly pages: readonly (readonly string[])[];
  readonly info: Record<string, unknown>;
};

export async function pdfText(bytes: Uint8Array): Promise<PdfText> {
  const document = await getDocumentProxy(Uint8Array.from(bytes), { verbosity: 0 });
  try {
    const pages: string[][] = [];
    for (let number = 1; number <= document.numPages; number += 1) {
      const { items } = await (await document.getPage(number)).getTextContent();
      pages.push(items.flatMap((item) => ('str' in item && item.str.trim() !== '' ? [item.str] : [])));
    }
    const { info } = await document.getMetadata();
    return { pages, info: info as Record<string, unknown> };
  } finally {
    await document.destroy();
  }
}
