import { adminTexts } from './texts/admin.ts'
import { backupTexts } from './texts/backups.ts'
import { baseTexts } from './texts/base.ts'
import { doctorTexts } from './texts/doctor.ts'
import { overviewTexts } from './texts/overview.ts'
import { storageTexts } from './texts/storage.ts'

/** Every text of the page, by area: a translation replaces the files of ./texts. */
export const texts = {
  ...baseTexts,
  ...adminTexts,
  overview: overviewTexts,
  storage: storageTexts,
  backups: backupTexts,
  doctor: doctorTexts,
}
