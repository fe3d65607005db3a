-- AlterTable
ALTER TABLE "App" ADD COLUMN "autoscaling" TEXT;
ALTER TABLE "App" ADD COLUMN "cpuRequestMillis" INTEGER;
ALTER TABLE "App" ADD COLUMN "greyRelease" TEXT;
ALTER TABLE "App" ADD COLUMN "greyVersionId" TEXT;
ALTER TABLE "App" ADD COLUMN "job" TEXT;
ALTER TABLE "App" ADD COLUMN "memoryRequestMb" INTEGER;
ALTER TABLE "App" ADD COLUMN "placement" TEXT;
ALTER TABLE "App" ADD COLUMN "probes" TEXT;
ALTER TABLE "App" ADD COLUMN "rollout" TEXT;

-- AlterTable
ALTER TABLE "Port" ADD COLUMN "alias" TEXT;

-- CreateTable
CREATE TABLE "L4Route" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "protocol" TEXT NOT NULL DEFAULT 'TCP',
    "listenPort" INTEGER NOT NULL,
    "port" INTEGER NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "L4Route_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Certificate" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "source" TEXT NOT NULL DEFAULT 'UPLOADED',
    "hosts" TEXT NOT NULL,
    "chain" TEXT,
    "privateKey" TEXT,
    "issuer" TEXT,
    "notBefore" DATETIME,
    "notAfter" DATETIME,
    "status" TEXT NOT NULL DEFAULT 'PENDING',
    "message" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "retryAt" DATETIME,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "Volume" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "mountPath" TEXT NOT NULL,
    "readOnly" BOOLEAN NOT NULL DEFAULT false,
    "sizeMb" INTEGER,
    "storageClass" TEXT,
    "accessMode" TEXT,
    "content" TEXT,
    "fileMode" INTEGER,
    "sourceId" TEXT,
    "usedBytes" BIGINT,
    "usedAt" DATETIME,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Volume_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Volume_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Volume" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Dependency" (
    "fromId" TEXT NOT NULL,
    "toId" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,

    PRIMARY KEY ("fromId", "toId"),
    CONSTRAINT "Dependency_fromId_fkey" FOREIGN KEY ("fromId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Dependency_toId_fkey" FOREIGN KEY ("toId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ConfigSet" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT NOT NULL,
    "groupId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- CreateTable
CREATE TABLE "ConfigSetEntry" (
    "configSetId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "secret" BOOLEAN NOT NULL DEFAULT false,

    PRIMARY KEY ("configSetId", "name"),
    CONSTRAINT "ConfigSetEntry_configSetId_fkey" FOREIGN KEY ("configSetId") REFERENCES "ConfigSet" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ConfigSetApp" (
    "configSetId" TEXT NOT NULL,
    "appId" TEXT NOT NULL,

    PRIMARY KEY ("configSetId", "appId"),
    CONSTRAINT "ConfigSetApp_configSetId_fkey" FOREIGN KEY ("configSetId") REFERENCES "ConfigSet" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "ConfigSetApp_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Plugin" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- CreateTable
CREATE TABLE "PluginVersion" (
    "pluginId" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "image" TEXT NOT NULL,
    "command" TEXT,
    "fields" TEXT NOT NULL DEFAULT '[]',
    "cpuMillis" INTEGER NOT NULL DEFAULT 100,
    "memoryMb" INTEGER NOT NULL DEFAULT 64,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,

    PRIMARY KEY ("pluginId", "number"),
    CONSTRAINT "PluginVersion_pluginId_fkey" FOREIGN KEY ("pluginId") REFERENCES "Plugin" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "AppPlugin" (
    "appId" TEXT NOT NULL,
    "pluginId" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "config" TEXT,
    "cpuMillis" INTEGER,
    "memoryMb" INTEGER,
    "position" INTEGER NOT NULL DEFAULT 0,

    PRIMARY KEY ("appId", "pluginId"),
    CONSTRAINT "AppPlugin_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "AppPlugin_pluginId_fkey" FOREIGN KEY ("pluginId") REFERENCES "Plugin" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ScalingRecord" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "appId" TEXT NOT NULL,
    "at" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "fromReplicas" INTEGER NOT NULL,
    "toReplicas" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    CONSTRAINT "ScalingRecord_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "JobRun" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'RUNNING',
    "message" TEXT,
    "startedAt" DATETIME NOT NULL,
    "finishedAt" DATETIME,
    CONSTRAINT "JobRun_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_EnvVar" (
    "appId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "secret" BOOLEAN NOT NULL DEFAULT false,
    "scope" TEXT NOT NULL DEFAULT 'SELF',

    PRIMARY KEY ("appId", "name"),
    CONSTRAINT "EnvVar_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO "new_EnvVar" ("appId", "name", "secret", "value") SELECT "appId", "name", "secret", "value" FROM "EnvVar";
DROP TABLE "EnvVar";
ALTER TABLE "new_EnvVar" RENAME TO "EnvVar";
CREATE TABLE "new_Operation" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "appName" TEXT NOT NULL,
    "groupId" TEXT NOT NULL,
    "teamName" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'QUEUED',
    "actor" TEXT NOT NULL,
    "buildId" TEXT,
    "versionId" TEXT,
    "arguments" TEXT NOT NULL DEFAULT '{}',
    "afterIds" TEXT NOT NULL DEFAULT '[]',
    "batchId" TEXT,
    "message" TEXT,
    "cancelRequested" BOOLEAN NOT NULL DEFAULT false,
    "deadlineAt" DATETIME NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "startedAt" DATETIME,
    "finishedAt" DATETIME,
    CONSTRAINT "Operation_versionId_fkey" FOREIGN KEY ("versionId") REFERENCES "Version" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_Operation" ("actor", "appId", "appName", "arguments", "buildId", "cancelRequested", "createdAt", "deadlineAt", "finishedAt", "groupId", "id", "kind", "message", "startedAt", "status", "teamName", "versionId") SELECT "actor", "appId", "appName", "arguments", "buildId", "cancelRequested", "createdAt", "deadlineAt", "finishedAt", "groupId", "id", "kind", "message", "startedAt", "status", "teamName", "versionId" FROM "Operation";
DROP TABLE "Operation";
ALTER TABLE "new_Operation" RENAME TO "Operation";
CREATE INDEX "Operation_appId_createdAt_idx" ON "Operation"("appId", "createdAt");
CREATE INDEX "Operation_teamName_createdAt_idx" ON "Operation"("teamName", "createdAt");
CREATE INDEX "Operation_status_idx" ON "Operation"("status");
CREATE TABLE "new_Route" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "path" TEXT NOT NULL DEFAULT '/',
    "port" INTEGER NOT NULL,
    "policy" TEXT NOT NULL DEFAULT '{}',
    "matchDigest" TEXT NOT NULL DEFAULT '',
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "basicAuth" TEXT,
    "certificateId" TEXT,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Route_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Route_certificateId_fkey" FOREIGN KEY ("certificateId") REFERENCES "Certificate" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_Route" ("appId", "createdAt", "host", "id", "path", "port") SELECT "appId", "createdAt", "host", "id", "path", "port" FROM "Route";
DROP TABLE "Route";
ALTER TABLE "new_Route" RENAME TO "Route";
CREATE INDEX "Route_appId_idx" ON "Route"("appId");
CREATE UNIQUE INDEX "Route_host_path_matchDigest_key" ON "Route"("host", "path", "matchDigest");
CREATE TABLE "new_Team" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "namespace" TEXT NOT NULL,
    "sshPublicKey" TEXT NOT NULL,
    "sshPrivateKey" TEXT NOT NULL,
    "quota" TEXT NOT NULL DEFAULT '{}',
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO "new_Team" ("createdAt", "name", "namespace", "sshPrivateKey", "sshPublicKey") SELECT "createdAt", "name", "namespace", "sshPrivateKey", "sshPublicKey" FROM "Team";
DROP TABLE "Team";
ALTER TABLE "new_Team" RENAME TO "Team";
CREATE UNIQUE INDEX "Team_namespace_key" ON "Team"("namespace");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

-- CreateIndex
CREATE INDEX "L4Route_appId_idx" ON "L4Route"("appId");

-- CreateIndex
CREATE UNIQUE INDEX "L4Route_protocol_listenPort_key" ON "L4Route"("protocol", "listenPort");

-- CreateIndex
CREATE INDEX "Certificate_notAfter_idx" ON "Certificate"("notAfter");

-- CreateIndex
CREATE UNIQUE INDEX "Certificate_teamName_name_key" ON "Certificate"("teamName", "name");

-- CreateIndex
CREATE UNIQUE INDEX "Volume_appId_name_key" ON "Volume"("appId", "name");

-- CreateIndex
CREATE UNIQUE INDEX "Volume_appId_mountPath_key" ON "Volume"("appId", "mountPath");

-- CreateIndex
CREATE INDEX "ConfigSet_teamName_idx" ON "ConfigSet"("teamName");

-- CreateIndex
CREATE UNIQUE INDEX "ConfigSet_groupId_name_key" ON "ConfigSet"("groupId", "name");

-- CreateIndex
CREATE UNIQUE INDEX "Plugin_teamName_name_key" ON "Plugin"("teamName", "name");

-- CreateIndex
CREATE INDEX "ScalingRecord_appId_at_idx" ON "ScalingRecord"("appId", "at");

-- CreateIndex
CREATE INDEX "JobRun_appId_startedAt_idx" ON "JobRun"("appId", "startedAt");

-- CreateIndex
CREATE UNIQUE INDEX "JobRun_appId_name_key" ON "JobRun"("appId", "name");
