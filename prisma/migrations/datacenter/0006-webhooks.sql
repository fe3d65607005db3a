-- AlterTable
ALTER TABLE "App" ADD COLUMN "buildOptions" TEXT;
ALTER TABLE "App" ADD COLUMN "container" TEXT;

-- AlterTable
ALTER TABLE "Operation" ADD COLUMN "cancelReason" TEXT;

-- CreateTable
CREATE TABLE "Webhook" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "appId" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "filter" TEXT NOT NULL DEFAULT '{}',
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "rotatedAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Webhook_appId_fkey" FOREIGN KEY ("appId") REFERENCES "App" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "WebhookDelivery" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "webhookId" TEXT NOT NULL,
    "deliveryKey" TEXT NOT NULL,
    "bodyDigest" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "branch" TEXT,
    "commitId" TEXT,
    "subject" TEXT,
    "outcome" TEXT NOT NULL,
    "message" TEXT,
    "operationId" TEXT,
    "remoteAddress" TEXT,
    "receivedAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "WebhookDelivery_webhookId_fkey" FOREIGN KEY ("webhookId") REFERENCES "Webhook" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "Webhook_appId_name_key" ON "Webhook"("appId", "name");

-- CreateIndex
CREATE INDEX "WebhookDelivery_webhookId_receivedAt_idx" ON "WebhookDelivery"("webhookId", "receivedAt");

-- CreateIndex
CREATE INDEX "WebhookDelivery_outcome_idx" ON "WebhookDelivery"("outcome");

-- CreateIndex
CREATE UNIQUE INDEX "WebhookDelivery_webhookId_deliveryKey_key" ON "WebhookDelivery"("webhookId", "deliveryKey");
