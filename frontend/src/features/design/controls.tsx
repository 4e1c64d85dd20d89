import { MoreHorizontal, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { Card, CardBody, CardHeader } from '../../ui/card.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { Checkbox, Field, SearchInput, Select, Textarea, TextField } from '../../ui/input.tsx'
import { Kbd } from '../../ui/kbd.tsx'
import { Menu, MenuCheckItem, MenuItem, MenuLabel, MenuSeparator } from '../../ui/menu.tsx'
import { Switch } from '../../ui/switch.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Tooltip } from '../../ui/tooltip.tsx'

const TABS = [
  { value: 'charts', label: 'Charts' },
  { value: 'logs', label: 'Logs', count: 12 },
] as const

export function Controls() {
  const [search, setSearch] = useState('web')
  const [on, setOn] = useState(true)
  const [tab, setTab] = useState<(typeof TABS)[number]['value']>('charts')
  const [open, setOpen] = useState(false)
  return (
    <Card>
      <CardHeader title="Controls" actions={<Kbd>?</Kbd>} />
      <CardBody className="grid gap-3">
        <div className="flex flex-wrap gap-2">
          <Button variant="primary">
            <Plus aria-hidden />
            Primary
          </Button>
          <Button>Secondary</Button>
          <Button variant="ghost">Ghost</Button>
          <Button variant="danger" onClick={() => setOpen(true)}>
            Danger
          </Button>
          <Button busy>Busy</Button>
          <Button disabled>Disabled</Button>
          <Tooltip content="A tooltip names an icon button">
            <Button variant="ghost" size="icon" aria-label="Remove">
              <Trash2 aria-hidden />
            </Button>
          </Tooltip>
          <Menu
            trigger={
              <Button size="icon" aria-label="More">
                <MoreHorizontal aria-hidden />
              </Button>
            }
          >
            <MenuLabel>Columns</MenuLabel>
            <MenuCheckItem checked>Name</MenuCheckItem>
            <MenuCheckItem checked={false}>Image</MenuCheckItem>
            <MenuSeparator />
            <MenuItem>Reset</MenuItem>
          </Menu>
        </div>
        <SearchInput
          value={search}
          onChange={setSearch}
          placeholder="Search containers"
          className="max-w-60"
        />
        <div className="grid gap-3 sm:grid-cols-2">
          <TextField label="Name" hint="A hint" defaultValue="nas" />
          <TextField label="Port" error="Between 1 and 65535" defaultValue="0" />
          <Field label="Kind">
            {(control) => (
              <Select {...control}>
                <option>Docker Engine</option>
                <option>Portainer</option>
              </Select>
            )}
          </Field>
          <Field label="Certificate">{(control) => <Textarea {...control} placeholder="PEM" />}</Field>
        </div>
        <div className="flex items-center gap-4">
          <Switch checked={on} onCheckedChange={setOn} aria-label="Switch" />
          <Checkbox defaultChecked aria-label="Checkbox" />
        </div>
        <Tabs items={TABS} value={tab} onChange={setTab} label="Tabs">
          The panel of {tab}
        </Tabs>
        <ConfirmDialog
          open={open}
          onClose={() => setOpen(false)}
          onConfirm={() => setOpen(false)}
          title="Remove nas?"
          description="Its containers leave the lists at once. Stored history stays."
          confirm="Remove"
          typed="nas"
          danger
        />
      </CardBody>
    </Card>
  )
}
