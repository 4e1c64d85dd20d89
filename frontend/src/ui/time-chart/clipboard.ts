/** How a copy ended: `downloaded` when the page may not use the clipboard (no HTTPS, or the browser said no). */
export type CopyOutcome = 'copied' | 'downloaded'

function downloadBlob(blob: Blob, fileName: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  // The browser has taken hold of the blob by the end of this turn of the event loop.
  setTimeout(() => URL.revokeObjectURL(url), 0)
}

export async function copyOrDownload(blob: Blob, fileName: string): Promise<CopyOutcome> {
  try {
    const item =
      blob.type === 'image/png'
        ? { 'image/png': blob }
        : { 'text/plain': new Blob([blob], { type: 'text/plain' }) }
    await navigator.clipboard.write([new ClipboardItem(item)])
    return 'copied'
  } catch {
    // Tolerated: no clipboard on a plain HTTP page, or permission refused. The file is the way out.
    downloadBlob(blob, fileName)
    return 'downloaded'
  }
}
