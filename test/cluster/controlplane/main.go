// The control plane for tests: etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
// kubectl and an OCI distribution registry in one multicall binary (chosen by argv[0]).
// Built by test/cluster/build.ts and cached outside the checkout.
package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// etcd serves one member without fsync: the data of a test cluster need not survive a power cut.
func etcd() *cobra.Command {
	var dir, client, peer string
	c := &cobra.Command{Use: "etcd", RunE: func(*cobra.Command, []string) error {
		clientURL, err := url.Parse(client)
		if err != nil {
			return err
		}
		peerURL, err := url.Parse(peer)
		if err != nil {
			return err
		}
		cfg := embed.NewConfig()
		cfg.Dir = dir
		cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
		cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
		cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
		cfg.UnsafeNoFsync = true
		cfg.LogLevel = "warn"
		server, err := embed.StartEtcd(cfg)
		if err != nil {
			return err
		}
		select {
		case <-server.Server.ReadyNotify():
		case <-time.After(30 * time.Second):
			return fmt.Errorf("etcd was not ready after 30 s")
		}
		return <-server.Err()
	}}
	c.Flags().StringVar(&dir, "data-dir", "", "directory of the member's data")
	c.Flags().StringVar(&client, "listen-client-url", "", "URL for clients")
	c.Flags().StringVar(&peer, "listen-peer-url", "", "URL for peers")
	return c
}

func main() {
	var cmd *cobra.Command
	switch name := filepath.Base(os.Args[0]); name {
	case "kube-apiserver":
		cmd = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		cmd = kcm.NewControllerManagerCommand()
	case "kube-scheduler":
		cmd = scheduler.NewSchedulerCommand()
	case "kubectl":
		cmd = kubectl.NewDefaultKubectlCommand()
	case "registry":
		cmd = registry.RootCmd
	case "etcd":
		cmd = etcd()
	default:
		fmt.Fprintf(os.Stderr, "%s: link this binary as etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl or registry\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(cmd))
}
