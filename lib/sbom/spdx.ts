import { createHash } from 'node:crypto';
import { type FoundPackage, purlOf } from './package.ts';

/** Media type of the document. */
export const spdxType = 'application/spdx+json';

const none = 'NOASSERTION';
/** Of no matter: the document says the same whenever it is made. */
const created = '1970-01-01T00:00:00Z';
/** SPDX license expressions; what packages say otherwise is only a comment. */
const expression = /^[A-Za-z0-9.+()-]+( (AND|OR|WITH) [A-Za-z0-9.+()-]+)*$/;

/** The packages as a document (https://spdx.github.io/spdx-spec/v2.3/); equal packages give equal bytes. */
export function renderSpdx(name: string, packages: readonly FoundPackage[]): Buffer {
  const purls = packages.map(purlOf);
  const digest = createHash('sha256')
    .update(JSON.stringify([name, purls]))
    .digest('hex');
  const ids = purls.map((purl) => `SPDXRef-${createHash('sha256').update(purl).digest('hex').slice(0, 20)}`);
  const root = 'SPDXRef-Image';
  return Buffer.from(
    JSON.stringify({
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name,
      documentNamespace: `https://skyarc.dev/spdx/${digest}`,
      creationInfo: { created, creators: ['Tool: skyarc'] },
      packages: [
        {
          name,
          SPDXID: root,
          downloadLocation: none,
          filesAnalyzed: false,
          primaryPackagePurpose: 'CONTAINER',
        },
        ...packages.map((each, index) => ({
          name: each.name,
          SPDXID: ids[index],
          versionInfo: each.version,
          downloadLocation: none,
          filesAnalyzed: false,
          licenseConcluded: none,
          ...licenseOf(each),
          copyrightText: none,
          externalRefs: [
            { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purls[index] },
          ],
        })),
      ],
      relationships: [
        { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: root },
        ...ids.map((id) => ({ spdxElementId: root, relationshipType: 'CONTAINS', relatedSpdxElement: id })),
      ],
    }),
  );
}

function licenseOf({ license }: FoundPackage): Readonly<Record<string, string>> {
  if (!license) return { licenseDeclared: none };
  if (expression.test(license)) return { licenseDeclared: license };
  return { licenseDeclared: none, licenseComments: license.slice(0, 200) };
}
