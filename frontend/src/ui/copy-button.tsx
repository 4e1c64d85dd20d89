import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { texts } from '../lib/texts.ts'
import { Button } from './button.tsx'
import { toast } from './toast.tsx'

interface CopyButtonProps {
  text: string
  /** What is copied, for screen readers. */
  label?: string
}

/** Copies text; plain HTTP on another address than loopback has no clipboard, and then it says so. */
export function CopyButton({ text, label = texts.common.copy }: CopyButtonProps) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1500)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
    } catch {
      // No clipboard outside a secure context, or the permission was refused.
      toast.error(texts.errors.noClipboard)
    }
  }
  return (
    <Button
      variant="ghost"
      size="icon-sm"
      aria-label={copied ? texts.common.copied : label}
      onClick={() => void copy()}
    >
      {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
    </Button>
  )
}
