import { getRouteApi } from '@tanstack/react-router'
import { Package } from 'lucide-react'
import { useMemo } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { ImageSummary } from '../../lib/api/types.ts'
import { createdColumn, endpointColumn } from '../../lib/fleet/columns.tsx'
import { ImageName } from '../../lib/fleet/image-name.tsx'
import { ListPage, type ListSpec } from '../../lib/fleet/list-page.tsx'
import { useList } from '../../lib/fleet/use-list.ts'
import { formatBytes, shortId } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import type { TableColumn } from '../../ui/data-table/table-column.ts'
import { Select } from '../../ui/input.tsx'
import { IMAGE_USES } from './images-search.ts'

const t = fleetTexts.image
const route = getRouteApi('/app/images')

const nameOf = (image: ImageSummary) => image.tags[0] ?? image.digests[0] ?? shortId(image.id)

function Name({ image }: { image: ImageSummary }) {
  const [first, ...others] = image.tags
  return (
    <span className="flex min-w-0 items-center gap-1.5" title={[...image.tags, ...image.digests].join('\n')}>
      {first === undefined ? (
        <span className="truncate font-medium">{nameOf(image)}</span>
      ) : (
        <ImageName image={first} className="font-medium" />
      )}
      {first === undefined && <Badge>{t.untagged}</Badge>}
      {others.length > 0 && <Badge>{fleetTexts.network.more(others.length)}</Badge>}
    </span>
  )
}

const used = (image: ImageSummary) =>
  image.containers === 0 ? <span className="text-ink-3">{t.unused}</span> : t.usedBy(image.containers)

const COLUMNS: readonly TableColumn<ImageSummary>[] = [
  {
    id: 'tag',
    header: t.tag,
    cell: (row) => <Name image={row} />,
    value: nameOf,
    minWidth: 200,
    grow: 4,
    priority: 1,
  },
  {
    id: 'size',
    header: t.size,
    cell: (row) => formatBytes(row.sizeBytes),
    value: (row) => row.sizeBytes,
    descendingFirst: true,
    align: 'right',
    minWidth: 88,
    priority: 1,
  },
  {
    id: 'used',
    header: t.used,
    cell: used,
    value: (row) => row.containers,
    descendingFirst: true,
    align: 'right',
    minWidth: 110,
    priority: 1,
  },
  { ...createdColumn(2), header: t.created },
  endpointColumn(3),
  {
    id: 'id',
    header: t.id,
    cell: (row) => <code className="mono text-ink-3">{shortId(row.id)}</code>,
    minWidth: 110,
    priority: 4,
  },
]
const rowKey = (row: ImageSummary) => `${row.endpointId}/${row.id}`
const searched = (row: ImageSummary) => [...row.tags, ...row.digests, row.id.replace(/^sha256:/, '')]
const card = (row: ImageSummary) => (
  <>
    <Name image={row} />
    <p className="tabular mt-0.5 grid grid-cols-[5.5rem_7rem_1fr] gap-2 text-ink-2 text-xs">
      <span>{formatBytes(row.sizeBytes)}</span>
      <span>{row.containers === 0 ? t.notUsed : t.usedBy(row.containers)}</span>
      <span className="truncate text-right">{row.endpointName}</span>
    </p>
  </>
)
const KEEP = {
  used: (row: ImageSummary) => row.containers > 0,
  unused: (row: ImageSummary) => row.containers === 0,
  dangling: (row: ImageSummary) => row.dangling,
} as const
const LABEL = { used: t.onlyUsed, unused: t.onlyUnused, dangling: t.onlyDangling } as const
const total = (images: readonly ImageSummary[]) =>
  formatBytes(images.reduce((sum, image) => sum + image.sizeBytes, 0))
const fetchList = (signal: AbortSignal) => unwrap(api.GET('/api/images', { signal }))

const LIST: ListSpec<ImageSummary> = {
  name: 'images',
  title: texts.nav.images,
  icon: Package,
  texts: { ...t, clear: t.any },
  hint: (rows) => t.sum(rows.length, total(rows), total(rows.filter(KEEP.unused))),
  columns: COLUMNS,
  defaultSort: { id: 'size', descending: true },
  rowKey,
  rowLabel: nameOf,
  card,
  searched,
}

export function ImagesPage() {
  const navigate = route.useNavigate()
  const query = useList('images', fetchList, ['image', 'container'])
  const { use } = route.useSearch()
  const keep = useMemo(() => (use === undefined ? undefined : KEEP[use]), [use])
  return (
    <ListPage
      list={LIST}
      query={query}
      keep={keep}
      filters={
        <Select
          aria-label={t.used}
          value={use ?? ''}
          onChange={(event) => {
            const next = IMAGE_USES.find((each) => each === event.target.value)
            void navigate({ search: (before) => ({ ...before, use: next }), replace: true })
          }}
        >
          <option value="">{t.any}</option>
          {IMAGE_USES.map((each) => (
            <option key={each} value={each}>
              {LABEL[each]}
            </option>
          ))}
        </Select>
      }
    />
  )
}
