import { formatCount } from '../format.ts'

export const chartTexts = {
  noSamples: 'No samples in this range',
  showTable: (title: string) => `Show ${title} as a table`,
  showChart: (title: string) => `Show ${title} as a chart`,
  copyCsv: (title: string) => `Copy ${title} as CSV`,
  copyPng: (title: string) => `Copy ${title} as a picture`,
  copied: 'Copied',
  downloaded: 'Saved as a file: this page may not use the clipboard',
  time: 'Time',
  series: 'Series',
  last: 'Last',
  mean: 'Mean',
  max: 'Max',
  minOf: (label: string) => `${label} min`,
  maxOf: (label: string) => `${label} max`,
  tableCaption: (title: string, rows: number, all: number) =>
    rows === all
      ? `${title}, ${formatCount(all)} times`
      : `${title}, newest ${formatCount(rows)} of ${formatCount(all)} times`,
  summary: (label: string, last: string, mean: string, max: string) =>
    `${label}: last ${last}, mean ${mean}, maximum ${max}`,
  keys: 'Left and right arrows move through time, Escape leaves',
  toggleSeries: (label: string) => `Show or hide ${label}`,
  moreSeries: (count: number) => `${formatCount(count)} more`,
  band: 'mean; shaded from min to max',
  range: 'Time range',
  zoomOut: 'Zoom out',
  earlier: 'Earlier',
  later: 'Later',
  chosenRange: 'Chosen range',
}
