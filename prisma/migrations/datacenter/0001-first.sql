-- CreateTable
CREATE TABLE "Team" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "namespace" TEXT NOT NULL,
    "sshPublicKey" TEXT NOT NULL,
    "sshPrivateKey" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- CreateTable
CREATE TABLE "App" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT NOT NULL,
    "groupId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "displayName" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "sourceSecret" TEXT,
    "buildpack" TEXT,
    "buildCpuMillis" INTEGER NOT NULL DEFAULT 2000,
    "buildMemoryMb" INTEGER NOT NULL DEFAULT 2048,
    "buildDiskMb" INTEGER NOT NULL DEFAULT 4096,
    "buildTimeoutSec" INTEGER NOT NULL DEFAULT 900,
    "workload" TEXT NOT NULL DEFAULT 'STATELESS',
    "replicas" INTEGER NOT NULL DEFAULT 1,
    "cpuMillis" INTEGER NOT NULL DEFAULT 500,
    "memoryMb" INTEGER NOT NULL DEFAULT 512,
    "command" TEXT,
    "healthPath" TEXT,
    "startTimeoutSec" INTEGER NOT NULL DEFAULT 120,
    "desired" TEXT NOT NULL DEFAULT 'STOPPED',
    "currentVersionId" TEXT,
    "activeOperationId" TEXT,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "deletedAt" DATETIME,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "App_teamName_fkey" FOREIGN KEY ("teamName") REFERENCES "Team" ("name") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Port" (
    "appId" TEXT NOT NULL,
    "port" INTEGER NOT NULL,
    "protocol" TEXT NOT NULL DEFAULT 'HTTP',
    "public" BOOLEAN NOT NULL DEFAULT true,
    "detected" BOOLEAN NOT NULL DEFAULT false,

    PRIMARY KEY ("appId", "port"),
    CONSTRAINT "Port_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "EnvVar" (
    "appId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "secret" BOOLEAN NOT NULL DEFAULT false,

    PRIMARY KEY ("appId", "name"),
    CONSTRAINT "EnvVar_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Route" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "path" TEXT NOT NULL DEFAULT '/',
    "port" INTEGER NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Route_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Build" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'QUEUED',
    "buildpack" TEXT,
    "reason" TEXT,
    "commitId" TEXT,
    "commitMessage" TEXT,
    "commitAuthor" TEXT,
    "message" TEXT,
    "cacheKey" TEXT,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "startedAt" DATETIME,
    "finishedAt" DATETIME,
    CONSTRAINT "Build_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Version" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "buildId" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "image" TEXT NOT NULL,
    "sizeBytes" BIGINT NOT NULL,
    "ports" TEXT NOT NULL DEFAULT '[]',
    "processes" TEXT NOT NULL DEFAULT '{}',
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deployedAt" DATETIME,
    CONSTRAINT "Version_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Version_buildId_fkey" FOREIGN KEY ("buildId") REFERENCES "Build" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Operation" (
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
    "message" TEXT,
    "cancelRequested" BOOLEAN NOT NULL DEFAULT false,
    "deadlineAt" DATETIME NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "startedAt" DATETIME,
    "finishedAt" DATETIME,
    CONSTRAINT "Operation_versionId_fkey" FOREIGN KEY ("versionId") REFERENCES "Version" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "OperationStep" (
    "operationId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'QUEUED',
    "message" TEXT,
    "startedAt" DATETIME,
    "finishedAt" DATETIME,

    PRIMARY KEY ("operationId", "name"),
    CONSTRAINT "OperationStep_operationId_fkey" FOREIGN KEY ("operationId") REFERENCES "Operation" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Outbox" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "topic" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- CreateTable
CREATE TABLE "AuditEntry" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "teamName" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "outcome" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "Setting" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "value" TEXT NOT NULL
);

-- CreateIndex
CREATE UNIQUE INDEX "Team_namespace_key" ON "Team"("namespace");

-- CreateIndex
CREATE UNIQUE INDEX "App_activeOperationId_key" ON "App"("activeOperationId");

-- CreateIndex
CREATE INDEX "App_groupId_idx" ON "App"("groupId");

-- CreateIndex
CREATE UNIQUE INDEX "App_teamName_name_key" ON "App"("teamName", "name");

-- CreateIndex
CREATE INDEX "Route_appId_idx" ON "Route"("appId");

-- CreateIndex
CREATE UNIQUE INDEX "Route_host_path_key" ON "Route"("host", "path");

-- CreateIndex
CREATE UNIQUE INDEX "Build_appId_number_key" ON "Build"("appId", "number");

-- CreateIndex
CREATE UNIQUE INDEX "Version_buildId_key" ON "Version"("buildId");

-- CreateIndex
CREATE UNIQUE INDEX "Version_appId_number_key" ON "Version"("appId", "number");

-- CreateIndex
CREATE INDEX "Operation_appId_createdAt_idx" ON "Operation"("appId", "createdAt");

-- CreateIndex
CREATE INDEX "Operation_teamName_createdAt_idx" ON "Operation"("teamName", "createdAt");

-- CreateIndex
CREATE INDEX "Operation_status_idx" ON "Operation"("status");

-- CreateIndex
CREATE INDEX "Outbox_createdAt_idx" ON "Outbox"("createdAt");

-- CreateIndex
CREATE INDEX "AuditEntry_teamName_at_idx" ON "AuditEntry"("teamName", "at");
