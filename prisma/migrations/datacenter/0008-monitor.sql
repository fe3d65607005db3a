-- CreateTable
CREATE TABLE "MetricsEndpoint" (
    "appId" TEXT NOT NULL,
    "port" INTEGER NOT NULL,
    "path" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,

    PRIMARY KEY ("appId", "port"),
    CONSTRAINT "MetricsEndpoint_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "AlertRule" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT,
    "name" TEXT NOT NULL,
    "expression" TEXT NOT NULL,
    "forSec" INTEGER NOT NULL DEFAULT 60,
    "severity" TEXT NOT NULL DEFAULT 'WARNING',
    "summary" TEXT NOT NULL DEFAULT '',
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "AlertReceiver" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "settings" TEXT NOT NULL DEFAULT '{}',
    "secret" TEXT,
    "minSeverity" TEXT NOT NULL DEFAULT 'WARNING',
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "lastSentAt" DATETIME,
    "lastError" TEXT,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- CreateTable
CREATE TABLE "SentNotification" (
    "receiverId" TEXT NOT NULL,
    "groupKey" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "sentAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,

    PRIMARY KEY ("receiverId", "groupKey"),
    CONSTRAINT "SentNotification_receiverId_fkey" FOREIGN KEY ("receiverId") REFERENCES "AlertReceiver" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Message" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "alertKey" TEXT NOT NULL,
    "teamName" TEXT,
    "appId" TEXT,
    "alertName" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "labels" TEXT NOT NULL DEFAULT '{}',
    "startedAt" DATETIME NOT NULL,
    "endedAt" DATETIME,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "MessageRead" (
    "messageId" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "readAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,

    PRIMARY KEY ("messageId", "actor"),
    CONSTRAINT "MessageRead_messageId_fkey" FOREIGN KEY ("messageId") REFERENCES "Message" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "AlertRule_teamName_idx" ON "AlertRule"("teamName");

-- CreateIndex
CREATE INDEX "AlertReceiver_teamName_idx" ON "AlertReceiver"("teamName");

-- CreateIndex
CREATE INDEX "SentNotification_sentAt_idx" ON "SentNotification"("sentAt");

-- CreateIndex
CREATE UNIQUE INDEX "Message_alertKey_key" ON "Message"("alertKey");

-- CreateIndex
CREATE INDEX "Message_teamName_createdAt_idx" ON "Message"("teamName", "createdAt");

-- CreateIndex
CREATE INDEX "Message_createdAt_idx" ON "Message"("createdAt");

-- CreateIndex
CREATE INDEX "MessageRead_actor_idx" ON "MessageRead"("actor");
