// The build inside the container image, where the packages have just been installed.
import { build } from './ensure.mjs'

build(true)
