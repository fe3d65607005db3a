export { filesOfFolder, filesOfTar, findPackages, mergePackages } from './find.ts';
export { type Ecosystem, type FoundPackage, purlOf, type TreeFile } from './package.ts';
export { renderSpdx, spdxType } from './spdx.ts';
