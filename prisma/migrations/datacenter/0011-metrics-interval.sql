-- AlterTable
ALTER TABLE "MetricsEndpoint" ADD COLUMN "intervalSec" INTEGER;
